-- What `land` copies into backfilled_requests before the transaction that lets it count.
CREATE TABLE IF NOT EXISTS {{ dataset }}.copied_readings (
  reading INT64 NOT NULL OPTIONS (description = 'Reading of a source object, as in backfilled_requests and the ledger'),
  log_date DATE NOT NULL OPTIONS (description = 'A day that it has rows of'),
  copied_until TIMESTAMP NOT NULL OPTIONS (description = 'Until when its landing may count on the copy; the next landing after that takes out what was copied'),
  removed_at TIMESTAMP OPTIONS (description = 'When what was copied was taken out; NULL: it may be there')
)
PARTITION BY log_date
CLUSTER BY reading
OPTIONS (
  description = 'One row for each reading and day of rows that do not count: a copy has brought them into backfilled_requests, or is about to, and they have not landed'
);
