-- Which branch is taken depends on types, known when a statement is bound: nothing else is left of these at run time.
-- Neither true nor false with a NULL.
CREATE OR REPLACE MACRO bq_has_nan(x, y) AS (isnan(CAST(x AS DOUBLE)) AND y IS NOT NULL) OR (isnan(CAST(y AS DOUBLE)) AND x IS NOT NULL);
CREATE OR REPLACE MACRO bq_are_floats(x, y) AS typeof(x) IN ('DOUBLE', 'FLOAT') OR typeof(y) IN ('DOUBLE', 'FLOAT');

CREATE OR REPLACE MACRO bq_equal(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x = y AND NOT bq_has_nan(x, y) ELSE x = y END;
CREATE OR REPLACE MACRO bq_not_equal(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x <> y OR bq_has_nan(x, y) ELSE x <> y END;
CREATE OR REPLACE MACRO bq_less(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x < y AND NOT bq_has_nan(x, y) ELSE x < y END;
CREATE OR REPLACE MACRO bq_less_or_equal(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x <= y AND NOT bq_has_nan(x, y) ELSE x <= y END;
CREATE OR REPLACE MACRO bq_greater(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x > y AND NOT bq_has_nan(x, y) ELSE x > y END;
CREATE OR REPLACE MACRO bq_greater_or_equal(x, y) AS CASE WHEN bq_are_floats(x, y) THEN x >= y AND NOT bq_has_nan(x, y) ELSE x >= y END;
