{#- Whether a request meets what a detection asks of each by itself. -#}
{%- macro condition(detection) -%}
{%- set parts = [] -%}
{%- if detection.methods -%}
{%- set _ = parts.append("method IN ('" ~ detection.methods | join("', '") ~ "')") -%}
{%- endif -%}
{%- if detection.statuses -%}
{%- set statuses = [] -%}
{%- for status in detection.statuses -%}
{%- set _ = statuses.append('DIV(status, 100) = ' ~ status[0] if status.endswith('xx') else 'status = ' ~ status) -%}
{%- endfor -%}
{%- set _ = parts.append('(' ~ statuses | join(' OR ') ~ ')') -%}
{%- endif -%}
{%- if detection.by_field -%}
{%- set matches = [] -%}
{%- for field, pattern in detection.by_field.items() -%}
{%- set _ = matches.append('REGEXP_CONTAINS(text_' ~ field ~ ", r'" ~ pattern ~ "')") -%}
{%- endfor -%}
{%- set _ = parts.append('(' ~ matches | join(' OR ') ~ ')') -%}
{%- endif -%}
{{ parts | join(' AND ') }}
{%- endmacro -%}
