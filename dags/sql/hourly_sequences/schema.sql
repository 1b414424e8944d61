-- Are lines missing before anything of ours reads them: the numbers that servers give their lines.
CREATE TABLE IF NOT EXISTS {{ dataset }}.hourly_sequences (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  hour TIMESTAMP NOT NULL OPTIONS (description = 'Start of the hour'),
  sequence_source STRING OPTIONS (description = 'Who counts: the server or process that the lines name'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests with a number: numbers + repeats + copies'),
  numbers INT64 NOT NULL OPTIONS (description = 'Different numbers; of a counter that began again, those of each time'),
  gaps INT64 NOT NULL OPTIONS (description = 'Places at which numbers are missing; each in the hour of the number before it'),
  missing INT64 NOT NULL OPTIONS (description = 'Numbers missing there, between the least and the greatest of the day'),
  repeats INT64 NOT NULL OPTIONS (description = 'Requests with the number of another line, which says something else'),
  copies INT64 NOT NULL OPTIONS (description = 'Requests whose line, number and all, was there before'),
  restarts INT64 NOT NULL OPTIONS (description = 'How often a counter began again: no gap')
)
PARTITION BY log_date
CLUSTER BY hour
OPTIONS (
  description = 'One row for each hour and source of numbered lines; none where the log has no numbers'
);
