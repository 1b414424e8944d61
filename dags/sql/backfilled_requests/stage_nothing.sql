-- Stages no rows, for objects that are no longer in the bucket.
CREATE OR REPLACE TABLE {{ staging }}.rows_{{ suffix }} AS
SELECT * FROM {{ dataset }}.backfilled_requests WHERE log_date = DATE '1970-01-01' AND FALSE;
CREATE OR REPLACE TABLE {{ staging }}.rejected_{{ suffix }} AS
SELECT * FROM {{ dataset }}.rejected_backfilled WHERE FALSE;
CREATE OR REPLACE TABLE {{ staging }}.ledger_days_{{ suffix }} AS
SELECT * FROM {{ dataset }}.ledger_days WHERE FALSE;
