DELETE FROM {{ dataset }}.daily_channels WHERE {{ around_days }};
INSERT INTO {{ dataset }}.daily_channels
{% with days = around_days %}{% include 'sql/daily/daily_channels/query.sql' %}{% endwith %};
