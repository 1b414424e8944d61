-- One of both is a FLOAT64. Neither true nor false with a NULL.
CREATE OR REPLACE MACRO bq_has_nan(x, y) AS (isnan(CAST(x AS DOUBLE)) AND y IS NOT NULL) OR (isnan(CAST(y AS DOUBLE)) AND x IS NOT NULL);

CREATE OR REPLACE MACRO bq_equal(x, y) AS x = y AND NOT bq_has_nan(x, y);
CREATE OR REPLACE MACRO bq_not_equal(x, y) AS x <> y OR bq_has_nan(x, y);
CREATE OR REPLACE MACRO bq_less(x, y) AS x < y AND NOT bq_has_nan(x, y);
CREATE OR REPLACE MACRO bq_less_or_equal(x, y) AS x <= y AND NOT bq_has_nan(x, y);
CREATE OR REPLACE MACRO bq_greater(x, y) AS x > y AND NOT bq_has_nan(x, y);
CREATE OR REPLACE MACRO bq_greater_or_equal(x, y) AS x >= y AND NOT bq_has_nan(x, y);
