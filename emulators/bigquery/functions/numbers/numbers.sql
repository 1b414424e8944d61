-- cast_to_type() takes the type of its second argument alone, which is not computed.
CREATE OR REPLACE MACRO bq_float(x) AS CAST(x AS DOUBLE);
CREATE OR REPLACE MACRO bq_negate(x) AS cast_to_type(-x, x);
CREATE OR REPLACE MACRO bq_sign(x) AS cast_to_type(sign(x), x);

-- DuckDB adds INT64 to what is wider.
CREATE OR REPLACE MACRO bq_sum(x) AS CASE
  WHEN typeof(x) <> 'HUGEINT' THEN x
  WHEN CAST(x AS HUGEINT) NOT BETWEEN -9223372036854775808 AND 9223372036854775807 THEN bq_error('int64 overflow')
  ELSE CAST(x AS BIGINT)
END;

-- What is wrong with finite arguments is an error, and with SAFE NULL.
CREATE OR REPLACE MACRO bq_checked(value, is_wrong, safe, name) AS CASE
  WHEN is_wrong AND safe THEN NULL
  WHEN is_wrong THEN bq_error('Floating point error in function: ' || name)
  ELSE value
END;

CREATE OR REPLACE MACRO bq_unless_overflow(value, x, y) AS CASE WHEN isfinite(value) OR NOT isfinite(x) OR NOT isfinite(y) THEN value END;

-- A product with a power of ten is not exact: where it is close to what decides, all digits are looked at.
CREATE OR REPLACE MACRO bq_is_near_half(product) AS abs(product - floor(product) - 0.5e0) <= 1e-9 * (1 + product);

CREATE OR REPLACE MACRO bq_float_rounded(x, digits) AS CASE
  WHEN digits BETWEEN 0 AND 22 AND abs(x) * power(10e0, digits) < 4503599627370496e0
      AND NOT bq_is_near_half(abs(x) * power(10e0, digits)) THEN
    round(x * power(10e0, digits)) / power(10e0, digits)
  WHEN isfinite(x) THEN bq_float_round(x, digits, FALSE)
  WHEN digits IS NOT NULL THEN x
END;

-- Bits are moved into the sign and out of it, as if there were none.
CREATE OR REPLACE MACRO bq_signed(bits) AS
  CAST(CASE WHEN bits >= 9223372036854775808 THEN bits - 18446744073709551616 ELSE bits END AS BIGINT);

CREATE OR REPLACE MACRO bq_two_to(n) AS CAST(power(2e0, n) AS HUGEINT);

CREATE OR REPLACE MACRO bq_bits_left(x, n) AS CASE
  WHEN n < 0 AND x IS NOT NULL THEN bq_error('Bitwise shift by negative offset.')
  WHEN n >= 64 THEN x & 0
  ELSE bq_signed((CAST(x AS HUGEINT) & (bq_two_to(64 - n) - 1)) * bq_two_to(n))
END;

CREATE OR REPLACE MACRO bq_bits_right(x, n) AS CASE
  WHEN n < 0 AND x IS NOT NULL THEN bq_error('Bitwise shift by negative offset.')
  WHEN n >= 64 THEN x & 0
  WHEN x < 0 THEN bq_signed((CAST(x AS HUGEINT) + 18446744073709551616) // bq_two_to(n))
  ELSE x >> n
END;

CREATE OR REPLACE MACRO bq_nan() AS CAST('nan' AS DOUBLE);
CREATE OR REPLACE MACRO bq_float_exp(x, safe) AS bq_checked(exp(x), isinf(exp(x)) AND NOT isinf(x), safe, 'EXP');

CREATE OR REPLACE MACRO bq_float_log(x, base, safe) AS CASE
  WHEN x IS NULL OR base IS NULL THEN NULL
  WHEN isnan(x) OR isnan(base) OR x = '-inf' OR base = 'inf' THEN bq_nan()
  ELSE bq_checked(
    ln(CASE WHEN x > 0 THEN x END) / ln(CASE WHEN base > 0 THEN base END), x <= 0 OR base <= 0 OR base = 1, safe, 'LOG'
  )
END;

CREATE OR REPLACE MACRO bq_float_pow(x, y, safe) AS bq_checked(
  pow(x, y),
  (isinf(pow(x, y)) AND NOT isinf(x) AND NOT isinf(y)) OR (isnan(pow(x, y)) AND NOT isnan(x) AND NOT isnan(y)),
  safe, 'POW'
);

CREATE OR REPLACE MACRO bq_sin(x, safe) AS sin(CASE WHEN isinf(bq_float(x)) THEN bq_nan() ELSE x END);
CREATE OR REPLACE MACRO bq_cos(x, safe) AS cos(CASE WHEN isinf(bq_float(x)) THEN bq_nan() ELSE x END);
CREATE OR REPLACE MACRO bq_tan(x, safe) AS tan(CASE WHEN isinf(bq_float(x)) THEN bq_nan() ELSE x END);
CREATE OR REPLACE MACRO bq_cot(x, safe) AS bq_checked(1 / bq_tan(x, safe), x = 0, safe, 'COT');
CREATE OR REPLACE MACRO bq_csc(x, safe) AS bq_checked(1 / bq_sin(x, safe), x = 0, safe, 'CSC');
CREATE OR REPLACE MACRO bq_sec(x, safe) AS 1 / bq_cos(x, safe);
CREATE OR REPLACE MACRO bq_sinh(x, safe) AS bq_checked(sinh(x), isinf(sinh(x)) AND NOT isinf(bq_float(x)), safe, 'SINH');
CREATE OR REPLACE MACRO bq_cosh(x, safe) AS bq_checked(cosh(x), isinf(cosh(x)) AND NOT isinf(bq_float(x)), safe, 'COSH');
CREATE OR REPLACE MACRO bq_coth(x, safe) AS bq_checked(1 / tanh(x), x = 0, safe, 'COTH');
CREATE OR REPLACE MACRO bq_csch(x, safe) AS bq_checked(1 / sinh(x), x = 0, safe, 'CSCH');
CREATE OR REPLACE MACRO bq_sech(x, safe) AS 1 / cosh(x);
CREATE OR REPLACE MACRO bq_asin(x, safe) AS bq_checked(asin(CASE WHEN abs(x) <= 1 OR isnan(bq_float(x)) THEN x END), abs(x) > 1 AND NOT isnan(bq_float(x)), safe, 'ASIN');
CREATE OR REPLACE MACRO bq_acos(x, safe) AS bq_checked(acos(CASE WHEN abs(x) <= 1 OR isnan(bq_float(x)) THEN x END), abs(x) > 1 AND NOT isnan(bq_float(x)), safe, 'ACOS');
CREATE OR REPLACE MACRO bq_acosh(x, safe) AS bq_checked(acosh(x), x < 1, safe, 'ACOSH');
CREATE OR REPLACE MACRO bq_atanh(x, safe) AS bq_checked(atanh(CASE WHEN abs(x) < 1 OR isnan(bq_float(x)) THEN x END), abs(x) >= 1 AND NOT isnan(bq_float(x)), safe, 'ATANH');

CREATE OR REPLACE MACRO bq_float_sign(x) AS CASE WHEN isnan(bq_float(x)) THEN bq_float(x) ELSE bq_float(sign(bq_float(x))) END;
CREATE OR REPLACE MACRO bq_float_trunc(x, digits) AS
  CASE WHEN isfinite(bq_float(x)) THEN bq_float_round(bq_float(x), digits, TRUE) WHEN digits IS NOT NULL THEN bq_float(x) END;
CREATE OR REPLACE MACRO bq_float_round_digits(x, digits) AS bq_float_rounded(bq_float(x), digits);

-- Of a column of any type: what is wrong with the rounded float is taken away again, which is exact.
CREATE OR REPLACE MACRO bq_round(x, digits) AS round(x, digits) + cast_to_type(
  CASE WHEN bq_is_float(x) AND isfinite(bq_float(x)) THEN bq_float_rounded(bq_float(x), digits) - round(bq_float(x), digits) ELSE 0 END, round(x, digits)
);

CREATE OR REPLACE MACRO bq_numeric_safe_divide(x, y) AS
  bq_numeric_divide(CASE WHEN y <> 0 AND abs(bq_float(x) / bq_float(y)) < 1e29 THEN bq_numeric(x) END, bq_numeric(y));
CREATE OR REPLACE MACRO bq_numeric_mod(x, y) AS
  bq_numeric(CASE WHEN y = 0 AND x IS NOT NULL THEN bq_error('Division by zero: MOD') ELSE bq_numeric(x) % bq_numeric(y) END);
CREATE OR REPLACE MACRO bq_int64_add(x, y) AS TRY_CAST(CAST(x AS HUGEINT) + CAST(y AS HUGEINT) AS BIGINT);
CREATE OR REPLACE MACRO bq_int64_subtract(x, y) AS TRY_CAST(CAST(x AS HUGEINT) - CAST(y AS HUGEINT) AS BIGINT);
CREATE OR REPLACE MACRO bq_int64_multiply(x, y) AS TRY_CAST(CAST(x AS HUGEINT) * CAST(y AS HUGEINT) AS BIGINT);
CREATE OR REPLACE MACRO bq_int64_negate(x) AS TRY_CAST(-CAST(x AS HUGEINT) AS BIGINT);
CREATE OR REPLACE MACRO bq_float_add(x, y) AS bq_unless_overflow(bq_float(x) + bq_float(y), bq_float(x), bq_float(y));
CREATE OR REPLACE MACRO bq_float_subtract(x, y) AS bq_unless_overflow(bq_float(x) - bq_float(y), bq_float(x), bq_float(y));
CREATE OR REPLACE MACRO bq_float_multiply(x, y) AS bq_unless_overflow(bq_float(x) * bq_float(y), bq_float(x), bq_float(y));

CREATE OR REPLACE MACRO bq_shift_left(x, n) AS bq_bits_left(CAST(x AS BIGINT), CAST(n AS BIGINT));
CREATE OR REPLACE MACRO bq_shift_right(x, n) AS bq_bits_right(CAST(x AS BIGINT), CAST(n AS BIGINT));
CREATE OR REPLACE MACRO bq_bit_count(x) AS CAST(bit_count(CAST(x AS BIGINT)) AS BIGINT);

CREATE OR REPLACE MACRO bq_sqrt(x, safe) AS bq_checked(sqrt(CASE WHEN x >= 0 THEN bq_float(x) END), x < 0, safe, 'SQRT');
CREATE OR REPLACE MACRO bq_exp(x, safe) AS bq_float_exp(bq_float(x), safe);
CREATE OR REPLACE MACRO bq_ln(x, safe) AS bq_checked(ln(CASE WHEN x > 0 THEN bq_float(x) END), x <= 0, safe, 'LN');
CREATE OR REPLACE MACRO bq_log10(x, safe) AS bq_checked(log10(CASE WHEN x > 0 THEN bq_float(x) END), x <= 0, safe, 'LOG10');
CREATE OR REPLACE MACRO bq_log(x, base, safe) AS bq_float_log(bq_float(x), bq_float(base), safe);
CREATE OR REPLACE MACRO bq_pow(x, y, safe) AS bq_float_pow(bq_float(x), bq_float(y), safe);
CREATE OR REPLACE MACRO bq_cbrt(x, safe) AS cbrt(bq_float(x));

CREATE OR REPLACE MACRO bq_float_least(x, y) AS CASE
  WHEN x IS NULL OR y IS NULL THEN NULL
  WHEN isnan(bq_float(x)) OR isnan(bq_float(y)) THEN bq_nan()
  ELSE least(bq_float(x), bq_float(y))
END;

CREATE OR REPLACE MACRO bq_float_unless_nan(x) AS CASE WHEN NOT isnan(bq_float(x)) THEN bq_float(x) END;
