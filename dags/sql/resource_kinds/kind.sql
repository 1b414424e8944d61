{#- What a request asks for, from `path` and `status` and the lists beside this file. The first that fits counts. -#}
{%- macro fits(list) -%}
{%- set lines %}{% include 'sql/resource_kinds/' ~ list ~ '.txt' %}{% endset -%}
REGEXP_CONTAINS(LOWER(path), r'{% for line in lines.splitlines() if line and "#" not in line %}{{ line }}{{ '' if loop.last else '|' }}{% endfor %}')
{%- endmacro -%}
CASE
  WHEN path IS NULL THEN NULL
  WHEN {{ fits('never_served') }} THEN 'probe'
  WHEN status >= 400 AND {{ fits('of_other_software') }} THEN 'probe'
  WHEN {{ fits('feed') }} THEN 'feed'
  WHEN {{ fits('api') }} THEN 'api'
  WHEN {{ fits('asset') }} THEN 'asset'
  WHEN {{ fits('download') }} THEN 'download'
  ELSE 'page'
END
