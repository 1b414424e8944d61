-- The class of each `referer_domain` of `{{ referers | default('referers') }}` that is known: that of the longest host that fits.
SELECT referer_domain, ANY_VALUE(referer_class HAVING MAX LENGTH(host)) AS referer_class
FROM (
  SELECT
    referer_domain,
    [
      referer_domain,
      REGEXP_REPLACE(referer_domain, r'\.(?:(?:co|com|edu|it|net|org)\.)?[a-z]{2}$', '.{}'),
      REGEXP_REPLACE(referer_domain, r'(^|\.)[a-z]{2}\.', r'\1{}.'),
      CONCAT('.', referer_domain),
      CONCAT('.', REGEXP_EXTRACT(referer_domain, r'[^.]+\.[^.]+$')),
      CONCAT('.', REGEXP_EXTRACT(referer_domain, r'[^.]+\.[^.]+\.[^.]+$')),
      CONCAT('.', REGEXP_EXTRACT(referer_domain, r'[^.]+\.[^.]+\.[^.]+\.[^.]+$'))
    ] AS hosts
  FROM (SELECT DISTINCT referer_domain FROM {{ referers | default('referers') }} WHERE referer_domain IS NOT NULL)
), UNNEST(hosts) AS host
JOIN {{ dataset }}.referer_sources USING (host)
GROUP BY referer_domain
