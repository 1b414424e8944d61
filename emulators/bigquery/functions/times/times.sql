-- Dates and times are counted in micros since 1970: DuckDB's own functions of TIMESTAMP WITH TIME ZONE, which are those
-- of ICU, take 10 to 100 times as long. cast_to_type() gives the type of an argument back.
-- What is out of range fails by a cast: error() would keep DuckDB from computing once what is constant.
CREATE OR REPLACE MACRO bq_wrong(safe, what) AS CASE WHEN safe THEN NULL ELSE what END;
CREATE OR REPLACE MACRO bq_no_time(what) AS CAST(CAST(what AS DOUBLE) AS BIGINT);
CREATE OR REPLACE MACRO bq_is_timestamp(x) AS typeof(x) = 'TIMESTAMP WITH TIME ZONE';

CREATE OR REPLACE MACRO bq_in_range(micros, safe) AS
  CASE WHEN micros NOT BETWEEN -62135596800000000 AND 253402300799999999
    THEN bq_no_time(bq_wrong(safe, 'out of the years 1 to 9999')) ELSE micros END;
-- A number of units that no date or time could be moved by fails before it overflows.
CREATE OR REPLACE MACRO bq_units(n, most, safe) AS
  CASE WHEN n NOT BETWEEN -most AND most THEN bq_no_time(bq_wrong(safe, 'out of the years 1 to 9999'))
    ELSE CAST(n AS BIGINT) END;
-- Never negative, so that // and % round down.
CREATE OR REPLACE MACRO bq_from_year_1(x) AS epoch_us(x) + 62135596800000000;

-- Micros of an argument, but of a DATE where one needs a time, or of a TIMESTAMP where one needs a calendar.
CREATE OR REPLACE MACRO bq_with_time(x) AS
  CASE WHEN typeof(x) IN ('DATE', 'INTERVAL') THEN bq_no_time(typeof(x) || ' where a time is needed') ELSE epoch_us(x) END;
CREATE OR REPLACE MACRO bq_without_zone(x) AS
  CASE WHEN bq_is_timestamp(x) THEN bq_no_time('a TIMESTAMP has no calendar') ELSE epoch_us(x) END;
CREATE OR REPLACE MACRO bq_with_zone(x) AS
  CASE WHEN bq_is_timestamp(x) THEN epoch_us(x) ELSE bq_no_time('no TIMESTAMP') END;

-- A zone is a number of micros east of UTC, or a name.
CREATE OR REPLACE MACRO bq_no_zone(zone) AS make_timestamp(bq_no_time('Invalid time zone: ' || zone));
CREATE OR REPLACE MACRO bq_local(x, zone) AS CASE
  WHEN typeof(zone) <> 'VARCHAR' THEN make_timestamp(bq_with_zone(x) + TRY_CAST(zone AS BIGINT))
  WHEN x IS NULL OR zone IS NULL THEN NULL
  WHEN NOT bq_is_zone(CAST(zone AS VARCHAR)) THEN bq_no_zone(CAST(zone AS VARCHAR))
  WHEN bq_zone_offset(CAST(zone AS VARCHAR)) IS NOT NULL THEN
    make_timestamp(bq_with_zone(x) + bq_zone_offset(CAST(zone AS VARCHAR)))
  ELSE timezone(CAST(zone AS VARCHAR), make_timestamptz(bq_with_zone(x))) END;
-- In the hour that comes twice it is the first, where ICU means the second.
CREATE OR REPLACE MACRO bq_offset_before(instant, zone) AS
  epoch_us(timezone(zone, instant - to_hours(3))) - epoch_us(instant - to_hours(3));
CREATE OR REPLACE MACRO bq_first_instant(x, zone) AS CASE
  WHEN timezone(zone, make_timestamptz(epoch_us(x) - bq_offset_before(timezone(zone, x), zone))) = x
    THEN make_timestamptz(epoch_us(x) - bq_offset_before(timezone(zone, x), zone))
  ELSE timezone(zone, x) END;
CREATE OR REPLACE MACRO bq_instant(x, zone) AS CASE
  WHEN typeof(zone) <> 'VARCHAR' THEN make_timestamptz(epoch_us(x) - TRY_CAST(zone AS BIGINT))
  WHEN x IS NULL OR zone IS NULL THEN NULL
  WHEN NOT bq_is_zone(CAST(zone AS VARCHAR)) THEN make_timestamptz(epoch_us(bq_no_zone(CAST(zone AS VARCHAR))))
  WHEN bq_zone_offset(CAST(zone AS VARCHAR)) IS NOT NULL THEN
    make_timestamptz(epoch_us(x) - bq_zone_offset(CAST(zone AS VARCHAR)))
  ELSE bq_first_instant(make_timestamp(epoch_us(x)), CAST(zone AS VARCHAR)) END;
CREATE OR REPLACE MACRO bq_known_zone(zone) AS CASE WHEN bq_is_zone(zone) THEN zone END;

-- Units of DuckDB's date_part of a calendar or a clock.
CREATE OR REPLACE MACRO bq_civil(x) AS make_timestamp(epoch_us(x));
CREATE OR REPLACE MACRO bq_extract(unit, x) AS CASE
  WHEN typeof(x) = 'INTERVAL' THEN
    CASE WHEN unit IN ('year', 'month', 'day') THEN date_part(unit, x) ELSE bq_no_time('an INTERVAL has no ' || unit) END
  WHEN typeof(x) = 'TIME' THEN bq_no_time('a TIME has no date')
  ELSE date_part(unit, bq_civil(x)) END;
CREATE OR REPLACE MACRO bq_extract_clock(unit, x) AS CASE
  WHEN typeof(x) = 'INTERVAL' THEN date_part(unit, x)
  ELSE date_part(unit, make_timestamp(bq_with_time(x))) END;
CREATE OR REPLACE MACRO bq_extract_fraction(unit, of_second, x) AS bq_extract_clock(unit, x) % of_second;
CREATE OR REPLACE MACRO bq_extract_weekday(x) AS bq_extract('dow', x) + 1;
-- first: the weekday that a week begins with, 0 is Sunday.
CREATE OR REPLACE MACRO bq_extract_week(x, first) AS
  (bq_extract('doy', x) + 6 - (date_part('dow', bq_civil(x)) + 7 - first) % 7) // 7;
CREATE OR REPLACE MACRO bq_extract_datetime(x) AS make_timestamp(bq_in_range(
  CASE WHEN typeof(x) = 'TIME' THEN bq_no_time('a TIME has no date') ELSE bq_with_time(x) END, FALSE));
CREATE OR REPLACE MACRO bq_extract_date(x) AS CAST(bq_extract_datetime(x) AS DATE);
CREATE OR REPLACE MACRO bq_extract_time(x) AS CAST(make_timestamp(bq_with_time(x)) AS TIME);

-- Those with _timestamp are quick for a TIMESTAMP, the others for a DATE and a DATETIME.
CREATE OR REPLACE MACRO bq_added(micros, n, unit, safe) AS
  bq_in_range(micros + bq_units(n, 400000000000000000 // unit, safe) * unit, safe);
CREATE OR REPLACE MACRO bq_add_days(x, n, safe) AS
  cast_to_type(make_timestamp(bq_added(epoch_us(x), n, 86400000000, safe)), x);
CREATE OR REPLACE MACRO bq_add(x, n, unit, safe) AS
  cast_to_type(make_timestamp(bq_added(bq_with_time(x), n, unit, safe)), x);
CREATE OR REPLACE MACRO bq_add_timestamp(x, n, unit, safe) AS
  cast_to_type(make_timestamptz(bq_added(bq_with_time(x), n, unit, safe)), x);
CREATE OR REPLACE MACRO bq_add_months(x, n, safe) AS cast_to_type(make_timestamp(bq_in_range(epoch_us(
  make_timestamp(bq_without_zone(x)) + to_months(CAST(bq_units(n, 120000, safe) AS INTEGER))), safe)), x);
CREATE OR REPLACE MACRO bq_add_time(x, n, unit) AS x + to_microseconds(CAST(n % (86400000000 // unit) * unit AS BIGINT));

-- Between two TIMESTAMPs whole units are counted, otherwise the bounds of units that lie between.
CREATE OR REPLACE MACRO bq_diff(x, y, unit) AS CASE
  WHEN bq_is_timestamp(x) <> bq_is_timestamp(y) THEN bq_no_time('TIMESTAMP and no TIMESTAMP')
  WHEN bq_is_timestamp(x) THEN (epoch_us(x) - epoch_us(y)) // unit
  ELSE bq_from_year_1(x) // unit - bq_from_year_1(y) // unit END;
-- 0001-01-01 was a Monday.
CREATE OR REPLACE MACRO bq_weeks(x, first) AS
  ((bq_without_zone(x) + 62135596800000000) // 86400000000 + 1 + (7 - first) % 7) // 7;
CREATE OR REPLACE MACRO bq_diff_weeks(x, y, first) AS bq_weeks(x, first) - bq_weeks(y, first);
CREATE OR REPLACE MACRO bq_diff_calendar(x, y, unit) AS
  date_diff(unit, make_timestamp(bq_without_zone(y)), make_timestamp(bq_without_zone(x)));
CREATE OR REPLACE MACRO bq_diff_isoyears(x, y) AS
  date_part('isoyear', make_timestamp(bq_without_zone(x))) - date_part('isoyear', make_timestamp(bq_without_zone(y)));

CREATE OR REPLACE MACRO bq_truncated(x, unit) AS epoch_us(date_trunc(unit, x));
CREATE OR REPLACE MACRO bq_truncated_week(x, first) AS
  epoch_us(x) - bq_from_year_1(x) % 86400000000 - (date_part('dow', x) + 7 - first) % 7 * 86400000000;
CREATE OR REPLACE MACRO bq_trunc(x, unit, safe) AS
  cast_to_type(make_timestamp(bq_in_range(bq_truncated(bq_civil(x), unit), safe)), x);
CREATE OR REPLACE MACRO bq_trunc_timestamp(x, unit, safe) AS
  cast_to_type(make_timestamptz(bq_in_range(bq_truncated(make_timestamp(bq_with_time(x)), unit), safe)), x);
CREATE OR REPLACE MACRO bq_trunc_in(x, unit, zone, safe) AS make_timestamptz(
  bq_in_range(epoch_us(bq_instant(make_timestamp(bq_truncated(bq_local(x, zone), unit)), zone)), safe));
CREATE OR REPLACE MACRO bq_trunc_week(x, first, safe) AS
  cast_to_type(make_timestamp(bq_in_range(bq_truncated_week(bq_civil(x), first), safe)), x);
CREATE OR REPLACE MACRO bq_trunc_week_timestamp(x, first, safe) AS
  cast_to_type(make_timestamptz(bq_in_range(bq_truncated_week(make_timestamp(bq_with_time(x)), first), safe)), x);
CREATE OR REPLACE MACRO bq_trunc_week_in(x, first, zone, safe) AS make_timestamptz(
  bq_in_range(epoch_us(bq_instant(make_timestamp(bq_truncated_week(bq_local(x, zone), first)), zone)), safe));
CREATE OR REPLACE MACRO bq_trunc_micros(x, unit) AS
  cast_to_type(make_timestamp(bq_with_time(x) - bq_from_year_1(x) % unit), x);
CREATE OR REPLACE MACRO bq_trunc_micros_timestamp(x, unit) AS
  cast_to_type(make_timestamptz(bq_with_time(x) - bq_from_year_1(x) % unit), x);
CREATE OR REPLACE MACRO bq_trunc_micros_in(x, unit, zone) AS
  make_timestamptz(epoch_us(x) - bq_from_year_1(bq_local(x, zone)) % unit);
CREATE OR REPLACE MACRO bq_trunc_time(x, unit) AS x - to_microseconds(epoch_us(x) % unit);

CREATE OR REPLACE MACRO bq_last_day(x, unit, months, safe) AS
  CAST(date_trunc(unit, make_timestamp(bq_without_zone(x))) + to_months(months) - to_days(1) AS DATE);
CREATE OR REPLACE MACRO bq_last_day_of_week(x, first, safe) AS CAST(make_timestamp(
  bq_in_range(bq_truncated_week(make_timestamp(bq_without_zone(x)), first) + 518400000000, safe)) AS DATE);
-- An ISO year has 364 or 371 days.
CREATE OR REPLACE MACRO bq_last_day_of_isoyear(x, safe) AS CAST(make_timestamp(bq_in_range(bq_truncated(date_trunc(
  'isoyear', make_timestamp(bq_without_zone(x))) + to_days(371), 'isoyear') - 86400000000, safe)) AS DATE);

CREATE OR REPLACE MACRO bq_unix_date(x) AS CASE WHEN typeof(x) = 'DATE'
  THEN bq_from_year_1(x) // 86400000000 - 719162 ELSE bq_no_time('no DATE') END;
CREATE OR REPLACE MACRO bq_unix(x, unit) AS (bq_with_zone(x) + 62135596800000000) // unit - 62135596800000000 // unit;
CREATE OR REPLACE MACRO bq_date_of_unix(n, safe) AS bq_add_days(DATE '1970-01-01', n, safe);
CREATE OR REPLACE MACRO bq_timestamp_of_unix(n, unit, safe) AS make_timestamptz(bq_added(0, n, unit, safe));

CREATE OR REPLACE MACRO bq_date(x) AS CAST(bq_civil(x) AS DATE);
CREATE OR REPLACE MACRO bq_date_in(x, zone, safe) AS
  CAST(make_timestamp(bq_in_range(epoch_us(bq_local(x, zone)), safe)) AS DATE);
CREATE OR REPLACE MACRO bq_datetime(x) AS bq_civil(x);
CREATE OR REPLACE MACRO bq_datetime_in(x, zone, safe) AS make_timestamp(bq_in_range(epoch_us(bq_local(x, zone)), safe));
-- The second argument is a time, or a zone.
CREATE OR REPLACE MACRO bq_datetime_with(x, other, safe) AS CASE
  WHEN typeof(other) = 'TIME' THEN make_timestamp(epoch_us(x) + epoch_us(TRY_CAST(CAST(other AS VARCHAR) AS TIME)))
  ELSE bq_datetime_in(x, CAST(other AS VARCHAR), safe) END;
CREATE OR REPLACE MACRO bq_time(x) AS CAST(make_timestamp(bq_with_time(x)) AS TIME);
CREATE OR REPLACE MACRO bq_time_in(x, zone) AS CAST(bq_local(x, zone) AS TIME);
-- The 60th second is the first of the next minute.
CREATE OR REPLACE MACRO bq_clock_of_parts(h, m, s, safe) AS
  CASE WHEN h IS NULL OR m IS NULL OR s IS NULL THEN NULL
    WHEN h BETWEEN 0 AND 23 AND m BETWEEN 0 AND 59 AND s BETWEEN 0 AND 60 THEN CAST(h * 3600 + m * 60 + s AS BIGINT)
    ELSE bq_no_time(bq_wrong(safe, 'no such time')) END;
CREATE OR REPLACE MACRO bq_date_of_parts(y, m, d, safe) AS
  CASE WHEN y IS NULL OR m IS NULL OR d IS NULL THEN NULL
    WHEN y BETWEEN 1 AND 9999 AND m BETWEEN 1 AND 12 AND d BETWEEN 1 AND 31 THEN
      CASE WHEN safe THEN TRY_CAST(lpad(CAST(y AS VARCHAR), 4, '0') || '-' || m || '-' || d AS DATE)
        ELSE make_date(CAST(y AS BIGINT), CAST(m AS BIGINT), CAST(d AS BIGINT)) END
    ELSE CAST(make_timestamp(bq_no_time(bq_wrong(safe, 'no such date'))) AS DATE) END;
CREATE OR REPLACE MACRO bq_time_of_parts(h, m, s, safe) AS
  TIME '00:00:00' + to_seconds(bq_clock_of_parts(h, m, s, safe) % 86400);
CREATE OR REPLACE MACRO bq_datetime_of_parts(y, mo, d, h, m, s, safe) AS make_timestamp(
  bq_added(epoch_us(bq_date_of_parts(y, mo, d, safe)), bq_clock_of_parts(h, m, s, safe), 1000000, safe));

CREATE OR REPLACE MACRO bq_timestamp(x, safe) AS CASE
  WHEN typeof(x) = 'VARCHAR' THEN CASE WHEN safe THEN TRY_CAST(x AS TIMESTAMPTZ) ELSE CAST(x AS TIMESTAMPTZ) END
  WHEN bq_is_timestamp(x) THEN CAST(x AS TIMESTAMPTZ)
  ELSE make_timestamptz(epoch_us(CAST(x AS TIMESTAMP))) END;
-- A text with a zone of its own is refused.
CREATE OR REPLACE MACRO bq_timestamp_in(x, zone, safe) AS CASE
  WHEN bq_is_timestamp(x) OR regexp_matches(CAST(x AS VARCHAR), '[A-Za-z]$|:[0-9.]+ ?[-+][0-9:]+$') THEN
    make_timestamptz(bq_no_time(bq_wrong(safe, 'there is a zone already')))
  ELSE make_timestamptz(bq_in_range(epoch_us(bq_instant(
    CASE WHEN safe THEN TRY_CAST(x AS TIMESTAMP) ELSE CAST(x AS TIMESTAMP) END, zone)), safe)) END;

CREATE OR REPLACE MACRO bq_remainder(x, unit) AS (x % unit + unit) % unit;
CREATE OR REPLACE MACRO bq_bucket_start(x, unit, origin) AS
  bq_in_range(x - bq_remainder(x - epoch_us(origin), unit), FALSE);
CREATE OR REPLACE MACRO bq_bucket(x, unit, origin) AS
  cast_to_type(make_timestamp(bq_bucket_start(bq_without_zone(x), unit, origin)), x);
CREATE OR REPLACE MACRO bq_bucket_timestamp(x, unit, origin) AS
  make_timestamptz(bq_bucket_start(bq_with_zone(x), unit, origin));
-- Buckets begin on 1950-01-01 unless told otherwise.
CREATE OR REPLACE MACRO bq_month_bucket(x, n) AS cast_to_type(make_timestamp(bq_in_range(epoch_us(
  date_trunc('month', make_timestamp(bq_without_zone(x))) - to_months(CAST(bq_remainder(
    date_diff('month', TIMESTAMP '1950-01-01', make_timestamp(bq_without_zone(x))), n) AS INTEGER))), FALSE)), x);

CREATE OR REPLACE MACRO bq_steps(start, stop, n, unit, safe) AS CASE
  WHEN n = 0 THEN CASE WHEN safe THEN NULL ELSE [bq_no_time('sequence step cannot be 0')] END
  WHEN abs((epoch_us(stop) - epoch_us(start)) // (n * unit)) > 1048574 THEN [bq_no_time('more than 1048575 elements')]
  ELSE generate_series(epoch_us(start), epoch_us(stop), CAST(n * unit AS BIGINT)) END;
CREATE OR REPLACE MACRO bq_dates(start, stop, n, unit, safe) AS
  list_transform(bq_steps(start, stop, n, unit, safe), lambda micros: CAST(make_timestamp(micros) AS DATE));
CREATE OR REPLACE MACRO bq_timestamps(start, stop, n, unit, safe) AS
  list_transform(bq_steps(start, stop, n, unit, safe), lambda micros: make_timestamptz(micros));
CREATE OR REPLACE MACRO bq_dates_by_months(start, stop, months, safe) AS CASE
  WHEN months = 0 THEN CASE WHEN safe THEN NULL ELSE [CAST(make_timestamp(bq_no_time('sequence step cannot be 0')) AS DATE)] END
  ELSE bq_month_steps(start, stop, CAST(months AS BIGINT)) END;

-- DuckDB's differences have other parts, or are no intervals. Results count its times in nanos, of 292 years at most.
CREATE OR REPLACE MACRO bq_days_between(x, y) AS to_days(CAST((epoch_us(x) - epoch_us(y)) // 86400000000 AS INTEGER));
CREATE OR REPLACE MACRO bq_days_and_micros_between(x, y) AS bq_days_between(x, y)
  + to_microseconds((epoch_us(x) - epoch_us(y)) % 86400000000);
CREATE OR REPLACE MACRO bq_micros_between(x, y) AS to_microseconds(
  CASE WHEN abs(epoch_us(x) - epoch_us(y)) > 9223372036854775
    THEN bq_no_time('an INTERVAL of more than 292 years is not offered by the local BigQuery')
    ELSE epoch_us(x) - epoch_us(y) END);

-- %Y of DuckDB has four digits at least.
CREATE OR REPLACE MACRO bq_known_format(found, format, x) AS CASE
  WHEN found IS NULL AND format IS NOT NULL AND x IS NOT NULL
    THEN CAST(bq_no_time('a format element that is not offered by the local BigQuery: ' || format) AS VARCHAR)
  ELSE found END;
CREATE OR REPLACE MACRO bq_format_civil(x, format, kind) AS
  bq_known_format(bq_written_time(format, epoch_us(x), 0, kind), format, x);
CREATE OR REPLACE MACRO bq_strftime(x, format, original, kind) AS CASE WHEN bq_civil(x) >= TIMESTAMP '1000-01-01'
  THEN strftime(bq_civil(x), format) ELSE bq_format_civil(x, original, kind) END;
-- Seconds that a zone of long ago is east of UTC are left out.
CREATE OR REPLACE MACRO bq_format_in(x, format, zone) AS bq_known_format(bq_written_time(format, epoch_us(x),
  (epoch_us(bq_local(x, zone)) - epoch_us(x)) // 60000000 * 60000000, 'TIMESTAMP'), format, bq_local(x, zone));

CREATE OR REPLACE MACRO bq_moment(format, x, zone, kind, safe) AS CASE
  WHEN NOT safe AND bq_moment_of_text(format, x, zone, kind) IS NULL AND format IS NOT NULL AND x IS NOT NULL AND zone IS NOT NULL
    THEN bq_no_time('Failed to parse input string ' || x)
  ELSE bq_moment_of_text(format, x, zone, kind) END;
CREATE OR REPLACE MACRO bq_parse_date(format, x, safe) AS
  CAST(make_timestamp(bq_moment(format, x, 'UTC', 'DATE', safe)) AS DATE);
CREATE OR REPLACE MACRO bq_parse_datetime(format, x, safe) AS make_timestamp(bq_moment(format, x, 'UTC', 'DATETIME', safe));
CREATE OR REPLACE MACRO bq_parse_time(format, x, safe) AS
  CAST(make_timestamp(bq_moment(format, x, 'UTC', 'TIME', safe)) AS TIME);
CREATE OR REPLACE MACRO bq_parse_timestamp(format, x, zone, safe) AS
  make_timestamptz(bq_moment(format, x, zone, 'TIMESTAMP', safe));
