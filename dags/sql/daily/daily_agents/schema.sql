-- The day by agent.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_agents (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  agent_kind STRING OPTIONS (description = 'As in requests; NULL where no user agent was'),
  agent_name STRING OPTIONS (description = 'Name of the agent; NULL for browsers'),
  agent_operator STRING OPTIONS (description = 'Whose agent it is: a name, or the domain it is documented at; NULL where neither is known'),
  agent_verified BOOL OPTIONS (description = 'Whether the addresses lie in the ranges that the operator publishes for the agent; NULL where there are none'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  addresses INT64 NOT NULL OPTIONS (description = 'Distinct values of remote_addr; 0 for browsers, whose visitors daily_summary counts'),
  paths INT64 NOT NULL OPTIONS (description = 'Distinct paths asked for; 0 for browsers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, agent_kind, agent_name
OPTIONS (
  description = 'One row for each day, host, agent, and whether its addresses are those of its operator; all browsers are one'
);
