-- Creates a release with its commits out of $1, a CreateReleaseInput as json, in one statement that writes the project's own rows.
-- Rows are made in the order of their keys: two creations that share some never wait for each other in a circle. In the place
-- of "said" stands what reads the version's parts; the reader adds its last SELECT.
WITH owner AS MATERIALIZED (
  SELECT id, clock_timestamp() AS now FROM organizations WHERE slug = $1::json->>'organization'
), said AS MATERIALIZED (/* said */
), given AS MATERIALIZED (
  SELECT (ordinality - 1)::integer AS position, sha, repository, message, "authorName" AS name, lower("authorEmail") AS email, "timestamp" AS at
  FROM ROWS FROM (json_to_recordset($1::json->'commits') AS (
    sha text, repository text, message text, "authorName" text, "authorEmail" text, "timestamp" timestamptz
  )) WITH ORDINALITY AS one (sha, repository, message, "authorName", "authorEmail", "timestamp", ordinality)
), known_repository AS MATERIALIZED (
  SELECT r.id, r.name FROM owner, repositories r
  WHERE r.organization_id = owner.id AND r.name IN (SELECT repository FROM given)
), new_repository AS (
  INSERT INTO repositories (organization_id, name, date_created)
  SELECT owner.id, g.repository, owner.now FROM owner, (SELECT DISTINCT repository FROM given) g
  WHERE g.repository NOT IN (SELECT name FROM known_repository) ORDER BY 2
  ON CONFLICT (organization_id, name) DO UPDATE SET name = excluded.name RETURNING id, name
), repository AS (
  SELECT * FROM known_repository UNION ALL SELECT * FROM new_repository
), known_author AS MATERIALIZED (
  SELECT a.id, a.email, a.name FROM owner, commit_authors a
  WHERE a.organization_id = owner.id AND a.email IN (SELECT email FROM given)
), new_author AS (
  INSERT INTO commit_authors (organization_id, email, name)
  SELECT DISTINCT ON (g.email) owner.id, g.email, g.name FROM owner, given g
  WHERE NOT EXISTS (SELECT FROM known_author k WHERE k.email = g.email AND k.name IS NOT DISTINCT FROM g.name) ORDER BY g.email, g.position
  ON CONFLICT (organization_id, email) DO UPDATE SET name = excluded.name RETURNING id, email
), author AS (
  SELECT id, email FROM known_author UNION SELECT id, email FROM new_author
), made AS (
  INSERT INTO commits (organization_id, repository_id, sha, author_id, message, timestamp, date_created)
  SELECT owner.id, r.id, g.sha, a.id, g.message, g.at, owner.now
  FROM owner, given g JOIN repository r ON r.name = g.repository LEFT JOIN author a ON a.email = g.email ORDER BY r.id, g.sha
  ON CONFLICT (organization_id, repository_id, sha)
  DO UPDATE SET author_id = excluded.author_id, message = excluded.message, timestamp = excluded.timestamp
  RETURNING id, repository_id, sha, author_id
), listed AS MATERIALIZED (
  SELECT g.position, c.id, c.repository_id, c.author_id FROM given g JOIN repository r ON r.name = g.repository
  JOIN made c ON c.repository_id = r.id AND c.sha = g.sha
), release AS (
  INSERT INTO releases (organization_id, version, ref, url, status, date_created, date_released, release_order, commit_count,
    deploy_count, last_commit_id, package, raw, major, minor, patch, build_code, components, description, semver_key, build_number)
  SELECT owner.id, $1::json->>'version', $1::json->>'ref', $1::json->>'url', 'OPEN', owner.now, ($1::json->>'dateReleased')::timestamptz,
    coalesce(($1::json->>'dateReleased')::timestamptz, '9999-12-31 23:59:59.999999+00'), (SELECT count(*) FROM given), 0,
    (SELECT l.id FROM listed l WHERE l.position = 0), s.package, s.raw, s.major, s.minor, s.patch, s.build, 3, s.description, s.key, s.build::bigint
  FROM owner, said s
  ON CONFLICT (organization_id, version) DO UPDATE SET commit_count = excluded.commit_count, last_commit_id = excluded.last_commit_id
  RETURNING *
), in_project AS (
  INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number)
  SELECT r.organization_id, r.id, p.id, r.date_created, r.release_order, coalesce(r.date_released, r.date_created), r.semver_key, r.build_number
  FROM release r JOIN projects p ON p.organization_id = r.organization_id
  WHERE p.slug IN (SELECT json_array_elements_text($1::json->'projects')) ORDER BY p.id ON CONFLICT DO NOTHING
), linked AS (
  INSERT INTO release_commits (organization_id, release_id, position, commit_id)
  SELECT r.organization_id, r.id, l.position, l.id FROM release r, listed l
  ON CONFLICT (organization_id, release_id, position) DO UPDATE SET commit_id = excluded.commit_id
), wrote AS (
  INSERT INTO release_authors (organization_id, release_id, position, author_id)
  SELECT r.organization_id, r.id, row_number() OVER (ORDER BY l.first) - 1, l.author_id
  FROM release r, (SELECT author_id, min(position) AS first FROM listed WHERE author_id IS NOT NULL GROUP BY author_id) l
  ON CONFLICT (organization_id, release_id, position) DO UPDATE SET author_id = excluded.author_id
), headed AS (
  INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id)
  SELECT DISTINCT ON (l.repository_id) r.organization_id, r.id, l.repository_id, l.id FROM release r, listed l
  ORDER BY l.repository_id, l.position ON CONFLICT DO NOTHING
)
