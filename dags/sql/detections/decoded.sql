{#- A text in lower case without percent-encoding: of ASCII, letters and digits apart, also where it was encoded twice or as
    %u00XX. One stage of four after the other: neither the local BigQuery nor the analyzer reads 38 calls in each other. -#}
{%- macro decoded(text, stage) -%}
{%- set characters = [
  ('%u00', '%'), ('%25', '%'), ('%20', ' '), ('%00', ' '), ('%09', ' '), ('%0d', ' '), ('%0a', '\\n'), ('%27', "\\'"),
  ('%22', '"'), ('%28', '('), ('%29', ')'), ('%2c', ','), ('%2e', '.'), ('%2f', '/'), ('%5c', '\\\\'), ('%3b', ';'),
  ('%3c', '<'), ('%3d', '='), ('%3e', '>'), ('%21', '!'), ('%23', '#'), ('%24', '$'), ('%26', '&'), ('%2a', '*'),
  ('%2b', '+'), ('%2d', '-'), ('%3a', ':'), ('%3f', '?'), ('%40', '@'), ('%5b', '['), ('%5d', ']'), ('%5e', '^'),
  ('%5f', '_'), ('%60', '`'), ('%7b', '{'), ('%7c', '|'), ('%7d', '}'), ('%7e', '~')
][10 * stage:10 * stage + 10] -%}
IF(STRPOS({{ text }}, '%') = 0, {{ text }}, {% for _ in characters %}REPLACE({% endfor %}{{ text }}
  {%- for code, character in characters %}, '{{ code }}', '{{ character }}'){% endfor %})
{%- endmacro -%}
