-- Are the numbers right, and how do you know: one row for each day.
CREATE OR REPLACE VIEW {{ dataset }}.reconciliation (
  log_date OPTIONS (description = 'Day in UTC'),
  status OPTIONS (description = 'balanced; unbalanced: a difference is not zero; outdated: rows have landed since requests was rebuilt, nothing else differs; incomplete: objects of the day lie unread in the bucket, nothing differs'),
  lines OPTIONS (description = 'Lines read, as the ledger has them; those of no day count on the day most rows of their object are of, or on which the stream brought them'),
  `rows` OPTIONS (description = 'Lines that became rows, as the ledger has them'),
  rejected OPTIONS (description = 'Lines that were rejected, as the ledger has them'),
  blank OPTIONS (description = 'Blank lines, as the ledger has them'),
  landed OPTIONS (description = 'Rows in backfilled_requests and streamed_requests'),
  requests OPTIONS (description = 'Rows in requests'),
  duplicates OPTIONS (description = 'delivered_again + in_both'),
  delivered_again OPTIONS (description = 'Landed copies of messages that were delivered more than once'),
  in_both OPTIONS (description = 'Landed rows of requests that were both streamed and backfilled'),
  replayed OPTIONS (description = 'Landed rows that had been rejected lines'),
  in_flight OPTIONS (description = 'Lines the stream landed within the last hour whose entry in the ledger is still to come'),
  lines_difference OPTIONS (description = 'lines - rows - rejected - blank'),
  rows_difference OPTIONS (description = 'Rows that the ledger has and the landing tables lack, or the other way round, per source object and batch of the stream'),
  rejected_difference OPTIONS (description = 'The same of rejected lines'),
  requests_difference OPTIONS (description = 'landed - requests - duplicates'),
  built_at OPTIONS (description = 'When requests was rebuilt for the day'),
  unread_objects OPTIONS (description = 'Objects in the bucket that no run has read; they count on the day in their name, where LOGLINE_SOURCE has {date}, else on that on which they were written'),
  missing_numbers OPTIONS (description = 'Numbers that servers gave to lines which are not in requests, see hourly_sequences; NULL where no line has a number'),
  repeated_numbers OPTIONS (description = 'Requests with the number of another line; NULL where no line has a number')
)
OPTIONS (
  description = 'For each day: lines = rows + rejected + blank, and landed = requests + duplicates; differences flagged'
) AS
{# Where landed rows expire, the ledger of those days has nothing left to be compared with. #}
{% if landing_expiry_days | default(none) %}
{% set days = "log_date > DATE_SUB(CURRENT_DATE(), INTERVAL " ~ landing_expiry_days ~ " DAY)" %}
{% else %}
{% set days = "log_date >= DATE '1970-01-01'" %}
{% endif %}
{% set streamed_days, replayed_days, since = days, days, "TIMESTAMP '1970-01-01 00:00:00+00'" %}
{% include 'sql/reconciliation/days.sql' %};
