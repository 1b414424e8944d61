WITH of_referers AS (
  SELECT
    *,
    NULLIF(
      LOWER(REGEXP_EXTRACT(referer, r'^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)')), ''
    ) AS referer_host,
    {% include 'sql/referer_sources/domain.sql' %} AS referer_domain
  FROM {{ staging }}.request_groups
  WHERE kind = 3 AND {{ days }}
)
SELECT
  log_date,
  referer,
  referer_host,
  requests,
  unique_visitors,
  errors,
  bytes,
  CASE
    WHEN IFNULL(referer, '') = '' THEN NULL
    {% if own_hosts %}
    WHEN referer_domain IN ({% for host in own_hosts %}'{{ host }}'{{ '' if loop.last else ', ' }}{% endfor %}) THEN 'internal'
    {% endif %}
    ELSE IFNULL(referer_class, 'other')
  END AS referer_class,
  host
FROM of_referers LEFT JOIN (
  {% set referers = 'of_referers' %}
  {% include 'sql/referer_sources/classes.sql' %}
) USING (referer_domain)
