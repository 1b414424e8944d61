-- The rows of daily_sessions from `sessions`: what the first page view of each says of what brought the visit.
WITH placed AS (
  SELECT
    *,
    {% include 'sql/referer_sources/domain.sql' %} AS referer_domain,
    REGEXP_REPLACE(LOWER(host), r'^www\.|:[0-9]+$', '') AS own_domain
  FROM (SELECT *, page_referer AS referer FROM ({{ sessions }}))
),
-- A tag goes before the referer: ChatGPT tags its links with its host.
sources AS (
  SELECT *, IFNULL(REGEXP_REPLACE(utm_source, r'^www\.', ''), referer_domain) AS source_domain FROM placed
),
referers AS (
  SELECT source_domain AS referer_domain FROM sources
),
classes AS (
  SELECT referer_domain AS source_domain, referer_class
  FROM (
    {% include 'sql/referer_sources/classes.sql' %}
  )
)
SELECT
  log_date,
  remote_addr,
  user_agent,
  first_request,
  last_request,
  duration_seconds,
  requests,
  next_day_requests,
  errors,
  bytes,
  entry_path,
  exit_path,
  entry_referer,
  host,
  pages,
  entry_page,
  exit_page,
  IF(pages > 0, pages = 1, NULL) AS is_bounce,
  CASE
    WHEN IFNULL(pages, 0) = 0 THEN NULL
    WHEN REGEXP_CONTAINS(CONCAT(IFNULL(utm_source, ''), '|', IFNULL(utm_medium, '')), r'(?:^|\|)(?:e[-_ ]?mail|newsletter)(?:\||$)')
      THEN 'mail'
    WHEN utm_medium IS NOT NULL OR utm_campaign IS NOT NULL THEN 'campaign'
    WHEN utm_source IS NOT NULL THEN IFNULL(referer_class, 'campaign')
    WHEN IFNULL(page_referer, '') = '' THEN 'direct'
    WHEN referer_domain = own_domain THEN 'internal'
    {% if own_hosts %}
    WHEN referer_domain IN ({% for own_host in own_hosts %}'{{ own_host }}'{{ '' if loop.last else ', ' }}{% endfor %}) THEN 'internal'
    {% endif %}
    ELSE IFNULL(referer_class, 'other')
  END AS channel,
  referer_domain,
  utm_source,
  utm_medium,
  utm_campaign
FROM sources LEFT JOIN classes USING (source_domain)
