-- What the other files use. Fails in the place of a value of any type. Not DuckDB's error(), which has side effects: an alias
-- of an expression with it could not be used, nor the expression stand within TRY().
CREATE OR REPLACE MACRO bq_error(message) AS list_extract([NULL], CAST(bq_fail(message) AS BIGINT));
-- typeof() is known when a statement is bound: one branch is left of each CASE.
CREATE OR REPLACE MACRO bq_is_float(x) AS typeof(x) IN ('DOUBLE', 'FLOAT');
