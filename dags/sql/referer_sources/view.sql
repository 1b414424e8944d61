-- What is known of referring hosts: the lists beside this file.
CREATE OR REPLACE VIEW {{ dataset }}.referer_sources (
  host OPTIONS (description = 'Host in lower case, without www.; a dot before it: its subdomains too; {}: the code of a country'),
  referer_class OPTIONS (description = 'search, social, ai or mail')
)
OPTIONS (
  description = 'Hosts of search engines, social networks, AI assistants and webmail'
)
AS
{% set lists %}{% include 'sql/referer_sources/matomo.txt' %}{{ '\n' }}{% include 'sql/referer_sources/own.txt' %}{% endset %}
SELECT REGEXP_EXTRACT(entry, r' (.*)') AS host, REGEXP_EXTRACT(entry, r'^[a-z]+') AS referer_class
FROM UNNEST(SPLIT('{% for entry in lists.splitlines() if entry and "#" not in entry %}{{ entry }}{{ '' if loop.last else ',' }}{% endfor %}')) AS entry;
