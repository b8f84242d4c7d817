-- artifact_bundles.delete
DELETE FROM artifact_bundles WHERE artifact_bundles.organization_id = ? AND artifact_bundles.id = ? RETURNING id;

-- artifact_bundles.delete_associations_of_version
DELETE FROM artifact_bundle_associations WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ?;

-- artifact_bundles.delete_files
DELETE FROM artifact_files WHERE artifact_files.organization_id = ? AND artifact_files.artifact_bundle_id = ?;

-- artifact_bundles.delete_version
DELETE FROM artifact_bundle_versions WHERE artifact_bundle_versions.organization_id = ? AND artifact_bundle_versions.version = ?;

-- artifact_bundles.find
SELECT artifact_bundles.id, artifact_bundles.date_used > ? AS is_used 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = ? AND artifact_bundles.bundle_id = ?;

-- artifact_bundles.insert_associations
INSERT INTO artifact_bundle_associations (organization_id, artifact_bundle_id, version, dist) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- artifact_bundles.insert_files
INSERT INTO artifact_files (organization_id, artifact_bundle_id, path, url, type, debug_id, source_map, file_name, headers, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- artifact_bundles.insert_projects
INSERT INTO artifact_bundle_projects (organization_id, artifact_bundle_id, project_id, date_modified) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- artifact_bundles.insert_versions
INSERT INTO artifact_bundle_versions (organization_id, artifact_bundle_id, version, date_modified) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- artifact_bundles.list_associations
SELECT artifact_bundle_associations.version, artifact_bundle_associations.dist 
FROM artifact_bundle_associations 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.artifact_bundle_id = ?;

-- artifact_bundles.list_projects
SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = ? AND artifact_bundle_projects.artifact_bundle_id = ?;

-- artifact_bundles.list_versions
SELECT artifact_bundle_versions.version 
FROM artifact_bundle_versions 
WHERE artifact_bundle_versions.organization_id = ? AND artifact_bundle_versions.artifact_bundle_id = ?;

-- artifact_bundles.note_upload
UPDATE artifact_bundles SET date_used=? WHERE artifact_bundles.organization_id = ? AND artifact_bundles.id = ?;

-- artifact_bundles.remove_project
DELETE FROM artifact_bundle_projects WHERE artifact_bundle_projects.organization_id = ? AND artifact_bundle_projects.artifact_bundle_id = ? AND artifact_bundle_projects.project_id = ? RETURNING project_id;

-- artifact_bundles.set_date
UPDATE artifact_bundles SET date_modified=?, date_used=? WHERE artifact_bundles.organization_id = ? AND artifact_bundles.id = ?;

-- artifact_bundles.set_date_of_projects
UPDATE artifact_bundle_projects SET date_modified=? WHERE artifact_bundle_projects.organization_id = ? AND artifact_bundle_projects.artifact_bundle_id = ?;

-- artifact_bundles.set_date_of_versions
UPDATE artifact_bundle_versions SET date_modified=? WHERE artifact_bundle_versions.organization_id = ? AND artifact_bundle_versions.artifact_bundle_id = ?;

-- artifact_bundles.upsert
INSERT INTO artifact_bundles (organization_id, bundle_id, blob_id, size, file_count, date_uploaded, date_modified, date_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, bundle_id) DO UPDATE SET blob_id = excluded.blob_id, size = excluded.size, file_count = excluded.file_count, date_modified = excluded.date_modified, date_used = excluded.date_used RETURNING id;

-- artifact_lookup.find_bundle_bytes
SELECT artifact_bundles.bundle_id, blobs.sha1, blobs.size 
FROM artifact_bundles JOIN blobs ON blobs.organization_id = artifact_bundles.organization_id AND blobs.id = artifact_bundles.blob_id 
WHERE artifact_bundles.organization_id = ? AND artifact_bundles.id = ? AND (EXISTS (SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = artifact_bundles.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundles.id AND artifact_bundle_projects.project_id = ?));

-- artifact_lookup.find_by_debug_id
SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_files JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_files.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_files.artifact_bundle_id 
WHERE artifact_files.organization_id = ? AND artifact_files.debug_id = ? AND artifact_bundle_projects.project_id = ? GROUP BY artifact_bundle_projects.artifact_bundle_id, artifact_bundle_projects.date_modified ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC
 LIMIT ? OFFSET ?;

-- artifact_lookup.find_by_release
SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_bundle_associations JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_bundle_associations.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ? AND artifact_bundle_associations.dist = ? AND artifact_bundle_projects.project_id = ? ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC
 LIMIT ? OFFSET ?;

-- artifact_lookup.find_by_url
SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_bundle_associations JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_bundle_associations.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ? AND artifact_bundle_associations.dist = ? AND artifact_bundle_projects.project_id = ? AND (EXISTS (SELECT artifact_files.id 
FROM artifact_files 
WHERE artifact_files.organization_id = artifact_bundle_projects.organization_id AND artifact_files.artifact_bundle_id = artifact_bundle_projects.artifact_bundle_id AND instr(artifact_files.url, ?) > ?)) ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC
 LIMIT ? OFFSET ?;

-- artifact_lookup.find_file_bytes
SELECT release_files.name, blobs.sha1, blobs.size 
FROM release_files JOIN releases ON releases.organization_id = release_files.organization_id AND releases.id = release_files.release_id JOIN blobs ON blobs.organization_id = release_files.organization_id AND blobs.id = release_files.blob_id 
WHERE release_files.organization_id = ? AND release_files.id = ? AND (EXISTS (SELECT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = releases.id AND release_projects.project_id = ?));

-- artifact_lookup.find_member
SELECT blobs.sha1, artifact_files.size 
FROM artifact_bundles JOIN blobs ON blobs.organization_id = artifact_bundles.organization_id AND blobs.id = artifact_bundles.blob_id JOIN artifact_files ON artifact_files.organization_id = artifact_bundles.organization_id AND artifact_files.artifact_bundle_id = artifact_bundles.id 
WHERE artifact_bundles.organization_id = ? AND artifact_bundles.bundle_id = ? AND artifact_files.path = ? AND (EXISTS (SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = artifact_bundles.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundles.id AND artifact_bundle_projects.project_id = ?))
 LIMIT ? OFFSET ?;

-- artifact_lookup.find_release_files
SELECT release_files.id, release_files.name, release_files.headers 
FROM releases JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id 
WHERE releases.organization_id = ? AND releases.version = ? AND release_files.dist = ? AND instr(release_files.name, ?) > ? AND (EXISTS (SELECT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = releases.id AND release_projects.project_id = ?)) ORDER BY release_files.id
 LIMIT ? OFFSET ?;

-- assemblies.claim
UPDATE assemblies SET state=?, detail=?, request=?, date_updated=? WHERE assemblies.id = ? AND assemblies.date_updated = ? RETURNING id;

-- assemblies.delete
DELETE FROM assemblies WHERE assemblies.id = ? AND assemblies.date_updated = ?;

-- assemblies.find
SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.organization_id = ? AND assemblies.kind = ? AND assemblies.subject = ? AND assemblies.checksum = ?;

-- assemblies.find_and_lock
SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.organization_id = ? AND assemblies.kind = ? AND assemblies.subject = ? AND assemblies.checksum = ?;

-- assemblies.forget
DELETE FROM assemblies WHERE assemblies.organization_id = ? AND assemblies.kind = ? AND assemblies.subject = ? AND assemblies.checksum = ?;

-- assemblies.insert
INSERT INTO assemblies (organization_id, kind, subject, checksum, state, detail, request, date_created, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- assemblies.list_unfinished
SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.state = ? OR assemblies.state = ? ORDER BY assemblies.date_updated, assemblies.id
 LIMIT ? OFFSET ?;

-- assemblies.renew
UPDATE assemblies SET state=?, date_updated=? WHERE assemblies.id = ? AND (assemblies.state = ? OR assemblies.state = ?);

-- assemblies.update
UPDATE assemblies SET state=?, detail=?, request=?, date_updated=? WHERE assemblies.id = ?;

-- blobs.find
SELECT blobs.id, blobs.sha1, blobs.sha256, blobs.size 
FROM blobs 
WHERE blobs.organization_id = ? AND blobs.sha1 = ?;

-- blobs.record
INSERT INTO blobs (organization_id, sha1, sha256, size, date_stored) VALUES (?, ?, ?, ?, ?) ON CONFLICT (organization_id, sha1) DO UPDATE SET date_stored = excluded.date_stored RETURNING id, sha256;

-- blobs.sum_sizes
SELECT coalesce(sum(blobs.size), ?) AS coalesce_1 
FROM blobs 
WHERE blobs.organization_id = ?;

-- chunks.delete
DELETE FROM chunks WHERE chunks.organization_id = ? AND chunks.sha1 = ?;

-- chunks.find
SELECT chunks.sha1, chunks.size 
FROM chunks 
WHERE chunks.organization_id = ? AND chunks.sha1 IN (SELECT sha1s.value 
FROM json_each(?) AS sha1s);

-- chunks.record
INSERT INTO chunks (organization_id, sha1, sha256, size, date_stored) VALUES (?, ?, ?, ?, ?) ON CONFLICT (organization_id, sha1) DO UPDATE SET date_stored = excluded.date_stored;

-- chunks.sum_sizes
SELECT coalesce(sum(chunks.size), ?) AS coalesce_1 
FROM chunks 
WHERE chunks.organization_id = ?;

-- collection.count_unused_bundles
SELECT count(*) AS count_1, coalesce(sum(artifact_bundles.size), ?) AS coalesce_1 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = ? AND artifact_bundles.date_used < ?;

-- collection.count_unused_debug_files
SELECT count(*) AS count_1, coalesce(sum(debug_files.size), ?) AS coalesce_1 
FROM debug_files 
WHERE debug_files.organization_id = ? AND debug_files.date_used < ?;

-- collection.delete_assemblies
DELETE FROM assemblies WHERE assemblies.id IN (SELECT ids.value 
FROM json_each(?) AS ids) AND assemblies.date_updated < ? AND (assemblies.state = ? OR assemblies.state = ? AND NOT (EXISTS (SELECT blobs.id 
FROM blobs 
WHERE blobs.organization_id = assemblies.organization_id AND blobs.sha1 = assemblies.checksum))) RETURNING id;

-- collection.delete_blobs
DELETE FROM blobs WHERE blobs.id IN (SELECT ids.value 
FROM json_each(?) AS ids) AND blobs.date_stored < ? AND NOT (EXISTS (SELECT artifact_bundles.id 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = blobs.organization_id AND artifact_bundles.blob_id = blobs.id)) AND NOT (EXISTS (SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = blobs.organization_id AND release_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.symcache_blob_id = blobs.id)) RETURNING size;

-- collection.delete_chunks
DELETE FROM chunks WHERE chunks.id IN (SELECT ids.value 
FROM json_each(?) AS ids) AND chunks.date_stored < ? RETURNING size;

-- collection.delete_unused_bundles
DELETE FROM artifact_bundles WHERE artifact_bundles.organization_id = ? AND artifact_bundles.date_used < ? AND artifact_bundles.id IN (SELECT ids.value 
FROM json_each(?) AS ids) RETURNING size;

-- collection.delete_unused_debug_files
DELETE FROM debug_files WHERE debug_files.organization_id = ? AND debug_files.date_used < ? AND debug_files.id IN (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = ? AND debug_files.date_used < ? ORDER BY debug_files.date_used
 LIMIT ? OFFSET ?) RETURNING size;

-- collection.examine_assemblies
SELECT assemblies.id, assemblies.date_updated < ? AND (assemblies.state = ? OR assemblies.state = ? AND NOT (EXISTS (SELECT blobs.id 
FROM blobs 
WHERE blobs.organization_id = assemblies.organization_id AND blobs.sha1 = assemblies.checksum))) AS is_unused 
FROM assemblies 
WHERE assemblies.id > ? ORDER BY assemblies.id
 LIMIT ? OFFSET ?;

-- collection.examine_blobs
SELECT blobs.id, blobs.size, blobs.date_stored < ? AND NOT (EXISTS (SELECT artifact_bundles.id 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = blobs.organization_id AND artifact_bundles.blob_id = blobs.id)) AND NOT (EXISTS (SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = blobs.organization_id AND release_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.symcache_blob_id = blobs.id)) AS is_unused 
FROM blobs 
WHERE blobs.id > ? ORDER BY blobs.id
 LIMIT ? OFFSET ?;

-- collection.examine_chunks
SELECT chunks.id, chunks.organization_id, chunks.sha1, chunks.size, chunks.date_stored < ? AS is_old 
FROM chunks 
WHERE chunks.id > ? ORDER BY chunks.id
 LIMIT ? OFFSET ?;

-- collection.list_bundle_versions
SELECT DISTINCT artifact_bundle_versions.version 
FROM artifact_bundle_versions 
WHERE artifact_bundle_versions.organization_id = ? AND artifact_bundle_versions.artifact_bundle_id IN (SELECT ids.value 
FROM json_each(?) AS ids);

-- collection.list_organizations
SELECT organizations.id 
FROM organizations ORDER BY organizations.id;

-- collection.list_owned_blobs
SELECT DISTINCT blobs.sha1 
FROM blobs 
WHERE blobs.sha1 IN (SELECT sha1s.value 
FROM json_each(?) AS sha1s);

-- collection.list_owned_chunks
SELECT DISTINCT chunks.sha1 
FROM chunks 
WHERE chunks.sha1 IN (SELECT sha1s.value 
FROM json_each(?) AS sha1s);

-- collection.list_unfinished_requests
SELECT assemblies.id, assemblies.organization_id, assemblies.request 
FROM assemblies 
WHERE assemblies.id > ? AND (assemblies.state = ? OR assemblies.state = ?) ORDER BY assemblies.id
 LIMIT ? OFFSET ?;

-- collection.list_unused_bundles
SELECT artifact_bundles.id, artifact_bundles.size 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = ? AND artifact_bundles.date_used < ? ORDER BY artifact_bundles.date_used
 LIMIT ? OFFSET ?;

-- commit_authors.complete
UPDATE commit_authors SET name=? WHERE commit_authors.id = ?;

-- commit_authors.find_by_key
SELECT commit_authors.email, commit_authors.id, commit_authors.name 
FROM commit_authors 
WHERE commit_authors.organization_id = ? AND commit_authors.email IN (SELECT keys.value 
FROM json_each(?) AS keys);

-- commit_authors.insert_missing
INSERT INTO commit_authors (organization_id, email, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- commit_authors.insert_new
INSERT INTO commit_authors (id, organization_id, email, name) VALUES (?, ?, ?, ?);

-- commits.clear_heads
DELETE FROM head_commits WHERE head_commits.organization_id = ? AND head_commits.release_id = ?;

-- commits.clear_release_authors
DELETE FROM release_authors WHERE release_authors.organization_id = ? AND release_authors.release_id = ?;

-- commits.clear_release_commits
DELETE FROM release_commits WHERE release_commits.organization_id = ? AND release_commits.release_id = ?;

-- commits.complete
UPDATE commits SET author_id=?, message=?, timestamp=? WHERE commits.id = ?;

-- commits.count
UPDATE releases SET commit_count=?, commit_status=?, last_commit_id=? WHERE releases.organization_id = ? AND releases.id = ?;

-- commits.delete_head
DELETE FROM head_commits WHERE head_commits.id = ?;

-- commits.find_by_key
SELECT commits.sha, commits.id, commits.author_id, commits.message, commits.timestamp 
FROM commits 
WHERE commits.organization_id = ? AND commits.repository_id = ? AND commits.sha IN (SELECT keys.value 
FROM json_each(?) AS keys);

-- commits.find_link_position
SELECT release_commits.position 
FROM release_commits 
WHERE release_commits.organization_id = ? AND release_commits.commit_id = ? AND release_commits.release_id = ? ORDER BY release_commits.position;

-- commits.find_lists_with
SELECT release_commits.release_id, release_commits.position, CASE WHEN (head_commits.commit_status = ?) THEN head_commits.previous_sha ELSE NULL END AS anon_1 
FROM commits JOIN release_commits ON release_commits.commit_id = commits.id JOIN head_commits ON head_commits.release_id = release_commits.release_id AND head_commits.repository_id = commits.repository_id JOIN releases ON releases.id = release_commits.release_id 
WHERE commits.organization_id = ? AND commits.repository_id = ? AND release_commits.organization_id = ? AND head_commits.organization_id = ? AND commits.sha = ? AND head_commits.kind = ? ORDER BY releases.version
 LIMIT ? OFFSET ?;

-- commits.find_newest_by_sha
SELECT commits.id 
FROM commits 
WHERE commits.organization_id = ? AND commits.sha = ? ORDER BY (+ commits.id) DESC
 LIMIT ? OFFSET ?;

-- commits.find_release
SELECT releases.id 
FROM releases 
WHERE releases.organization_id = ? AND releases.version = ?;

-- commits.find_time
SELECT commits.timestamp 
FROM commits 
WHERE commits.organization_id = ? AND commits.repository_id = ? AND commits.sha = ?;

-- commits.insert_change
INSERT INTO file_changes (organization_id, commit_id, path, type) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- commits.insert_head_of_list
INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id, previous_sha, said, kind, commit_status, head_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, repository_id) DO UPDATE SET commit_id = CASE WHEN head_commits.said THEN head_commits.commit_id ELSE excluded.commit_id END, kind = excluded.kind, commit_status = excluded.commit_status, known_until = NULL, head_time = CASE WHEN head_commits.said THEN head_commits.head_time ELSE excluded.head_time END;

-- commits.insert_missing
INSERT INTO commits (organization_id, repository_id, sha, author_id, message, timestamp, date_created) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- commits.insert_new
INSERT INTO commits (id, organization_id, repository_id, sha, author_id, message, timestamp, date_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- commits.link
INSERT INTO release_commits (organization_id, release_id, position, commit_id) VALUES (?, ?, ?, ?);

-- commits.link_author
INSERT INTO release_authors (organization_id, release_id, position, author_id) VALUES (?, ?, ?, ?);

-- commits.list_defaults_by_id
SELECT repositories.name 
FROM projects JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE projects.organization_id = ? AND projects.id IN (SELECT named.value 
FROM json_each(?) AS named);

-- commits.list_defaults_by_slug
SELECT repositories.name 
FROM projects JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE projects.organization_id = ? AND projects.slug IN (SELECT named.value 
FROM json_each(?) AS named);

-- commits.list_defaults_of_release
SELECT DISTINCT repositories.name 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ?
 LIMIT ? OFFSET ?;

-- commits.list_heads
SELECT head_commits.id, head_commits.repository_id, head_commits.commit_id, head_commits.previous_sha, head_commits.said, head_commits.kind, head_commits.commit_status, head_commits.known_until, head_commits.head_time, commits.sha, commits.timestamp, commits.author_id, repositories.name, releases.commit_status AS commit_status_1 
FROM head_commits JOIN commits ON commits.id = head_commits.commit_id JOIN repositories ON repositories.id = head_commits.repository_id JOIN releases ON releases.id = head_commits.release_id 
WHERE head_commits.organization_id = ? AND head_commits.release_id = ? ORDER BY repositories.name;

-- commits.list_heads_before
SELECT DISTINCT commits.sha, head_commits.head_time 
FROM head_commits JOIN commits ON commits.id = head_commits.commit_id 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.kind = ? AND head_commits.commit_status = ? AND head_commits.head_time < ? ORDER BY head_commits.head_time DESC
 LIMIT ? OFFSET ?;

-- commits.list_linked
SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? ORDER BY release_commits.position;

-- commits.list_linked_elsewhere
SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? AND commits.repository_id != ? ORDER BY release_commits.position;

-- commits.list_messages
SELECT commits.message 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? AND release_commits.position < ? AND commits.message IS NOT NULL;

-- commits.list_projects_of_release
SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ?;

-- commits.list_ranges_waiting_for_head
SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.release_id != ? AND head_commits.known_until = ? UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.release_id != ? AND head_commits.kind = ? AND head_commits.previous_sha IS NULL AND head_commits.head_time >= ?) AS anon_1 ORDER BY anon_1.release_id DESC
 LIMIT ? OFFSET ?;

-- commits.list_ranges_waiting_for_list
SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.release_id != ? AND head_commits.known_until IN (SELECT commits.sha 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? AND commits.repository_id = ?) UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.release_id != ? AND head_commits.kind = ? AND head_commits.head_time >= (SELECT min(coalesce(commits.timestamp, ?)) AS min_1 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? AND commits.repository_id = ?)) AS anon_1 ORDER BY anon_1.release_id DESC
 LIMIT ? OFFSET ?;

-- commits.list_ranges_waiting_for_new_list
SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.known_until IN (SELECT shas.value 
FROM json_each(?) AS shas) UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.repository_id = ? AND head_commits.kind = ? AND head_commits.head_time >= ?) AS anon_1 ORDER BY anon_1.release_id DESC
 LIMIT ? OFFSET ?;

-- commits.list_releases_of_heads
SELECT head_commits.commit_id, head_commits.release_id 
FROM head_commits 
WHERE head_commits.organization_id = ? AND head_commits.commit_id IN (SELECT commits.value 
FROM json_each(?) AS commits) AND head_commits.release_id != ?;

-- commits.list_releases_of_projects
SELECT DISTINCT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id IN (SELECT releases.value 
FROM json_each(?) AS releases) AND release_projects.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects);

-- commits.list_rest_of_list
SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp, commits.sha 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? AND commits.repository_id = ? AND release_commits.position >= ? ORDER BY release_commits.position
 LIMIT ? OFFSET ?;

-- commits.lock_lists
SELECT repositories.id 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.id = ?;

-- commits.lock_ranges
SELECT repositories.id 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.id = ?;

-- commits.lock_release
SELECT releases.id 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?;

-- commits.look_up
SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.name IN (SELECT names.value 
FROM json_each(?) AS names) UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = ? AND commit_authors.email IN (SELECT emails.value 
FROM json_each(?) AS emails) UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = ? AND commits.sha IN (SELECT shas.value 
FROM json_each(?) AS shas);

-- commits.look_up_ids
SELECT commits.sha, commits.id 
FROM commits 
WHERE commits.organization_id = ? AND commits.repository_id = ? AND commits.sha IN (SELECT shas.value 
FROM json_each(?) AS shas);

-- commits.mark_origin_ambiguous
UPDATE releases SET commit_status=? WHERE releases.organization_id = ? AND releases.id IN (SELECT releases.value 
FROM json_each(?) AS releases) AND (SELECT count(DISTINCT projects.default_repository_id) AS count_1 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id 
WHERE release_projects.organization_id = ? AND release_projects.release_id = releases.id) > ?;

-- commits.set_head
INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id, previous_sha, said, kind, commit_status) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, repository_id) DO UPDATE SET commit_id = excluded.commit_id, previous_sha = excluded.previous_sha, said = excluded.said, kind = CASE WHEN (head_commits.kind = ? OR head_commits.commit_id IS excluded.commit_id AND head_commits.previous_sha IS excluded.previous_sha AND head_commits.said IS excluded.said) THEN head_commits.kind ELSE excluded.kind END;

-- commits.update_head
UPDATE head_commits SET kind=?, commit_status=?, known_until=?, head_time=? WHERE head_commits.id = ?;

-- commits.update_status
UPDATE releases SET commit_status=? WHERE releases.organization_id = ? AND releases.id = ?;

-- database.find_revision
SELECT version_num 
FROM alembic_version;

-- database.find_unfinished_copy
SELECT name 
FROM sqlite_schema 
WHERE name = ? AND type = ?;

-- debug_files.delete
DELETE FROM debug_files WHERE debug_files.organization_id = ? AND debug_files.id = ? RETURNING project_id, debug_id, format, sha1;

-- debug_files.delete_of_project
DELETE FROM debug_files WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.id = ? RETURNING project_id, debug_id, format, sha1;

-- debug_files.find_by_checksums
SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > ? AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.sha1 IN (SELECT checksums.value 
FROM json_each(?) AS checksums) ORDER BY debug_files.id DESC;

-- debug_files.find_by_code_ids
SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > ? AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.code_id IN (SELECT code_ids.value 
FROM json_each(?) AS code_ids) ORDER BY debug_files.id DESC;

-- debug_files.find_by_debug_ids
SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > ? AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.debug_id IN (SELECT debug_ids.value 
FROM json_each(?) AS debug_ids) ORDER BY debug_files.id DESC;

-- debug_files.find_by_id
SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > ? AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.id = ? ORDER BY debug_files.id DESC;

-- debug_files.find_mappings
SELECT debug_files.id, debug_files.format, debug_files.features, debug_files.proguard_releases 
FROM debug_files 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.debug_id = ? AND debug_files.format = ? ORDER BY debug_files.id;

-- debug_files.insert
INSERT INTO debug_files (organization_id, project_id, debug_id, code_id, object_name, cpu_name, format, kind, features, proguard_releases, blob_id, size, sha1, date_created, date_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- debug_files.list_of_debug_id
SELECT debug_files.id, debug_files.format, debug_files.features, debug_files.proguard_releases 
FROM debug_files 
WHERE debug_files.organization_id = ? AND debug_files.project_id = ? AND debug_files.debug_id = ? ORDER BY debug_files.id;

-- debug_files.note_use
UPDATE debug_files SET date_used=? WHERE debug_files.organization_id = ? AND debug_files.id = ?;

-- debug_files.set_proguard_releases
UPDATE debug_files SET proguard_releases=? WHERE debug_files.organization_id = ? AND debug_files.id = ?;

-- debug_files.set_symcache
UPDATE debug_files SET symcache_blob_id=? WHERE debug_files.organization_id = ? AND debug_files.id = ?;

-- deploys.count
UPDATE releases SET deploy_count=(releases.deploy_count + ?), last_deploy_id=? WHERE releases.id = ?;

-- deploys.find_by_external_id
SELECT deploys.id, deploys.environment_id, deploys.previous_release_id, deploys.name, deploys.url, deploys.date_started, deploys.date_finished, deploys.finish_order, deploys.status, deploys.comment, deploys.links 
FROM deploys 
WHERE deploys.organization_id = ? AND deploys.id IN (SELECT deploy_projects.deploy_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = ? AND deploy_projects.project_id = (SELECT projects.id 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug = ?) AND deploy_projects.external_id = ?);

-- deploys.find_by_id
SELECT deploys.id, deploys.environment_id, deploys.previous_release_id, deploys.name, deploys.url, deploys.date_started, deploys.date_finished, deploys.finish_order, deploys.status, deploys.comment, deploys.links 
FROM deploys 
WHERE deploys.organization_id = ? AND deploys.id = ?;

-- deploys.find_existing
SELECT deploys.id, deploys.release_id, deploys.environment_id 
FROM json_each(?) AS projects CROSS JOIN deploy_projects ON deploy_projects.organization_id = ? AND deploy_projects.project_id = projects.value AND deploy_projects.external_id = ? JOIN deploys ON deploys.id = deploy_projects.deploy_id
 LIMIT ? OFFSET ?;

-- deploys.insert
INSERT INTO deploys (organization_id, release_id, environment_id, name, url, date_started, date_finished, finish_order, date_created, status, external_id, comment, links, previous_release_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- deploys.link_projects
INSERT INTO deploy_projects (organization_id, deploy_id, project_id, external_id) VALUES (?, ?, ?, ?);

-- deploys.list_projects_of
SELECT deploy_projects.project_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = ? AND deploy_projects.deploy_id = ?;

-- deploys.list_projects_of_release
SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ? ORDER BY release_projects.project_id;

-- deploys.update
UPDATE deploys SET name=?, url=?, date_started=?, date_finished=?, finish_order=?, status=?, comment=?, links=?, previous_release_id=? WHERE deploys.id = ?;

-- environments.clear_current
DELETE FROM current_deploys WHERE current_deploys.organization_id = ? AND current_deploys.environment_id = ? AND current_deploys.project_id = ?;

-- environments.complete
UPDATE environments SET  WHERE environments.id = ?;

-- environments.delete_current_of_release
UPDATE deploys SET previous_release_id=? WHERE deploys.organization_id = ? AND deploys.previous_release_id = ?;

-- environments.find_by_key
SELECT environments.name, environments.id 
FROM environments 
WHERE environments.organization_id = ? AND environments.name IN (SELECT keys.value 
FROM json_each(?) AS keys);

-- environments.find_release_before
SELECT current_deploys.release_id 
FROM current_deploys JOIN deploys ON deploys.id = current_deploys.deploy_id 
WHERE current_deploys.organization_id = ? AND current_deploys.environment_id = ? AND current_deploys.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) ORDER BY deploys.finish_order DESC, deploys.id DESC
 LIMIT ? OFFSET ?;

-- environments.find_running_release
SELECT current_deploys.environment_id, current_deploys.project_id 
FROM current_deploys 
WHERE current_deploys.organization_id = ? AND current_deploys.release_id = ?;

-- environments.insert_missing
INSERT INTO environments (organization_id, name, date_created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- environments.insert_new
INSERT INTO environments (id, organization_id, name, date_created) VALUES (?, ?, ?, ?);

-- environments.newest_deploy
SELECT deploys.id, deploys.release_id 
FROM deploys 
WHERE deploys.organization_id = ? AND deploys.environment_id = ? AND deploys.status = ? AND (EXISTS (SELECT deploy_projects.deploy_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = ? AND deploy_projects.project_id = ? AND deploy_projects.deploy_id = deploys.id)) ORDER BY deploys.finish_order DESC, deploys.id DESC
 LIMIT ? OFFSET ?;

-- environments.upsert_current
INSERT INTO current_deploys (organization_id, environment_id, project_id, deploy_id, release_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT (organization_id, environment_id, project_id) DO UPDATE SET deploy_id = excluded.deploy_id, release_id = excluded.release_id;

-- event_hours.delete_of_release
DELETE FROM event_hours WHERE event_hours.organization_id = ? AND event_hours.release_id = ?;

-- events.count_hour
INSERT INTO event_hours (organization_id, project_id, hour, release_id, environment_id, events) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, project_id, hour, release_id, environment_id) DO UPDATE SET events = (event_hours.events + excluded.events);

-- events.count_ingest_hour
INSERT INTO ingest_hours (organization_id, project_id, hour, events, releases, environments, issues, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, project_id, hour) DO UPDATE SET events = (ingest_hours.events + excluded.events), releases = (ingest_hours.releases + excluded.releases), environments = (ingest_hours.environments + excluded.environments), issues = (ingest_hours.issues + excluded.issues), bytes = (ingest_hours.bytes + excluded.bytes);

-- events.delete_of_issues
DELETE FROM events WHERE events.organization_id = ? AND events.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- events.find_deleted_releases
SELECT deleted_releases.version 
FROM deleted_releases 
WHERE deleted_releases.organization_id = ? AND deleted_releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) AND deleted_releases.date_deleted > ?;

-- events.find_first_shipped
SELECT min(releases.shipping_date) AS min_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.package = ? AND releases.semver_key > ?;

-- events.find_new_counts
SELECT ingest_hours.project_id, ingest_hours.hour, ingest_hours.releases, ingest_hours.environments, ingest_hours.issues 
FROM ingest_hours 
WHERE ingest_hours.organization_id = ? AND ingest_hours.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND ingest_hours.hour IN (SELECT hours.value 
FROM json_each(?) AS hours);

-- events.forget_user
UPDATE events SET user_hash=NULL WHERE events.organization_id = ? AND events.issue_id IN (SELECT issue_users.issue_id 
FROM issue_users 
WHERE issue_users.organization_id = ? AND issue_users.user_hash = ?) AND events.user_hash = ?;

-- events.insert
INSERT INTO events (organization_id, project_id, event_id, day, issue_id, release_id, environment_id, timestamp, received, dist, level, platform, handled, title, user_hash, sdk_name, sdk_version, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- events.insert_release
INSERT INTO releases (organization_id, version, ref, url, status, user_agent, notes, metadata_json, folded_version, date_created, date_released, release_order, shipping_date, origin, commit_count, commit_status, deploy_count, package, raw, major, minor, patch, pre, build_code, components, description, build_hash, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- events.link_release
INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- events.look_up_batch
SELECT 'release' AS kind, releases.version AS name, releases.id AS id, release_projects.project_id AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, releases.shipping_date AS date 
FROM releases LEFT OUTER JOIN release_projects ON release_projects.organization_id = releases.organization_id AND release_projects.release_id = releases.id AND release_projects.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) UNION ALL SELECT 'environment' AS kind, environments.name AS name, environments.id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS VARCHAR(27)) AS date 
FROM environments 
WHERE environments.organization_id = ? AND environments.name IN (SELECT environments.value 
FROM json_each(?) AS environments) UNION ALL SELECT 'hour' AS kind, CAST(NULL AS TEXT) AS name, ingest_hours.project_id AS id, ingest_hours.hour AS other, ingest_hours.events AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS VARCHAR(27)) AS date 
FROM ingest_hours 
WHERE ingest_hours.organization_id = ? AND ingest_hours.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND ingest_hours.hour IN (SELECT hours.value 
FROM json_each(?) AS hours) UNION ALL SELECT 'event' AS kind, events.event_id AS name, events.project_id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS VARCHAR(27)) AS date 
FROM events 
WHERE events.organization_id = ? AND events.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND events.event_id IN (SELECT event_ids.value 
FROM json_each(?) AS event_ids) AND events.day >= ? AND events.day <= ? UNION ALL SELECT 'issue' AS kind, issue_hashes.hash AS name, issue_hashes.issue_id AS id, issue_hashes.project_id AS other, issues.introduced_in_id AS number, issues.last_release_id AS last, issues.status AS status, CAST(NULL AS VARCHAR(27)) AS date 
FROM issue_hashes JOIN issues ON issues.id = issue_hashes.issue_id 
WHERE issue_hashes.organization_id = ? AND issue_hashes.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND issue_hashes.algorithm = ? AND issue_hashes.hash IN (SELECT hashes.value 
FROM json_each(?) AS hashes);

-- events.look_up_references
SELECT 'release' AS kind, releases.version AS name, releases.id AS id, release_projects.project_id AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, releases.shipping_date AS date 
FROM releases LEFT OUTER JOIN release_projects ON release_projects.organization_id = releases.organization_id AND release_projects.release_id = releases.id AND release_projects.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) UNION ALL SELECT 'environment' AS kind, environments.name AS name, environments.id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS VARCHAR(27)) AS date 
FROM environments 
WHERE environments.organization_id = ? AND environments.name IN (SELECT environments.value 
FROM json_each(?) AS environments);

-- events.move
UPDATE events SET issue_id=? WHERE events.organization_id = ? AND events.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- files.delete_totals
DELETE FROM version_artifacts WHERE version_artifacts.organization_id = ? AND version_artifacts.version = ?;

-- files.find_any
SELECT ? AS number 
WHERE (EXISTS (SELECT * 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = ? AND artifact_bundle_projects.project_id = ?)) OR (EXISTS (SELECT * 
FROM releases, release_files 
WHERE releases.organization_id = ? AND releases.version = ? AND release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id));

-- files.insert_totals
INSERT INTO version_artifacts (organization_id, version, total, with_debug_ids, last_uploaded) SELECT ? AS anon_1, ? AS anon_2, sum(anon_3.total) AS sum_1, sum(anon_3.with_debug_ids) AS sum_2, max(anon_3.uploaded) AS max_1 
FROM (SELECT artifact_bundles.file_count AS total, (SELECT count(*) AS count_1 
FROM artifact_files 
WHERE artifact_files.organization_id = artifact_bundles.organization_id AND artifact_files.artifact_bundle_id = artifact_bundles.id AND artifact_files.debug_id IS NOT NULL) AS with_debug_ids, artifact_bundles.date_modified AS uploaded 
FROM artifact_bundle_versions JOIN artifact_bundles ON artifact_bundles.organization_id = artifact_bundle_versions.organization_id AND artifact_bundles.id = artifact_bundle_versions.artifact_bundle_id 
WHERE artifact_bundle_versions.organization_id = ? AND artifact_bundle_versions.version = ? UNION ALL SELECT ? AS anon_4, ? AS anon_5, release_files.date_created AS date_created 
FROM releases JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id 
WHERE releases.organization_id = ? AND releases.version = ?) AS anon_3 
HAVING max(anon_3.uploaded) IS NOT NULL;

-- issue_hashes.move
UPDATE issue_hashes SET issue_id=? WHERE issue_hashes.organization_id = ? AND issue_hashes.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issue_releases.delete_of_release
DELETE FROM issue_releases WHERE issue_releases.organization_id = ? AND issue_releases.release_id = ?;

-- issue_releases.merge
INSERT INTO issue_releases (organization_id, issue_id, release_id, environment_id, first_seen, last_seen, times) SELECT ? AS anon_1, ? AS anon_2, issue_releases.release_id, issue_releases.environment_id, min(issue_releases.first_seen) AS min_1, max(issue_releases.last_seen) AS max_1, CAST(sum(issue_releases.times) AS BIGINT) AS sum_1 
FROM issue_releases 
WHERE issue_releases.organization_id = ? AND issue_releases.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids) GROUP BY + issue_releases.release_id, + issue_releases.environment_id ON CONFLICT (organization_id, issue_id, release_id, environment_id) DO UPDATE SET first_seen = CASE WHEN (excluded.first_seen < issue_releases.first_seen) THEN excluded.first_seen ELSE issue_releases.first_seen END, last_seen = CASE WHEN (excluded.last_seen > issue_releases.last_seen) THEN excluded.last_seen ELSE issue_releases.last_seen END, times = (issue_releases.times + excluded.times);

-- issue_users.count
SELECT count(*) AS count_1 
FROM issue_users 
WHERE issue_users.organization_id = ? AND issue_users.issue_id = ?;

-- issue_users.forget_user
DELETE FROM issue_users WHERE issue_users.organization_id = ? AND issue_users.user_hash = ?;

-- issue_users.merge
INSERT INTO issue_users (organization_id, issue_id, user_hash) SELECT DISTINCT ? AS anon_1, ? AS anon_2, issue_users.user_hash 
FROM issue_users 
WHERE issue_users.organization_id = ? AND issue_users.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids) ON CONFLICT DO NOTHING;

-- issues.count
UPDATE issues SET times=(issues.times + ?), users=(issues.users + ?), first_seen=CASE WHEN (? < issues.first_seen) THEN ? ELSE issues.first_seen END, last_seen=CASE WHEN (? > issues.last_seen) THEN ? ELSE issues.last_seen END WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.count_and_place
UPDATE issues SET times=(issues.times + ?), users=(issues.users + ?), first_seen=CASE WHEN (? < issues.first_seen) THEN ? ELSE issues.first_seen END, last_seen=CASE WHEN (? > issues.last_seen) THEN ? ELSE issues.last_seen END, introduced_in_id=CASE WHEN (issues.introduced_in_id = ?) THEN issues.introduced_in_id ELSE (SELECT releases.id 
FROM releases 
WHERE releases.id IN (issues.introduced_in_id, ?) ORDER BY releases.shipping_date, releases.id
 LIMIT ? OFFSET ?) END, last_release_id=CASE WHEN (issues.last_release_id = ?) THEN issues.last_release_id ELSE (SELECT releases.id 
FROM releases 
WHERE releases.id IN (issues.last_release_id, ?) ORDER BY releases.shipping_date DESC, releases.id DESC
 LIMIT ? OFFSET ?) END WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.count_of_user
SELECT count(*) AS count_1 
FROM issue_users 
WHERE issue_users.organization_id = ? AND issue_users.user_hash = ?;

-- issues.count_release
INSERT INTO issue_releases (organization_id, issue_id, release_id, environment_id, first_seen, last_seen, times) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, issue_id, release_id, environment_id) DO UPDATE SET first_seen = CASE WHEN (excluded.first_seen < issue_releases.first_seen) THEN excluded.first_seen ELSE issue_releases.first_seen END, last_seen = CASE WHEN (excluded.last_seen > issue_releases.last_seen) THEN excluded.last_seen ELSE issue_releases.last_seen END, times = (issue_releases.times + excluded.times);

-- issues.delete
DELETE FROM issues WHERE (+ issues.organization_id) = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.find_any
SELECT issues.id 
FROM issues 
WHERE issues.organization_id = ?
 LIMIT ? OFFSET ?;

-- issues.find_by_id
SELECT issues.id, issues.project_id 
FROM issues 
WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.find_by_short_id
SELECT issues.id, issues.project_id 
FROM issues 
WHERE issues.organization_id = ? AND issues.short_id = ?;

-- issues.find_by_site
SELECT issues.project_id, issues.site, min(issues.id) AS min_1 
FROM issues 
WHERE issues.organization_id = ? AND issues.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND issues.site IN (SELECT sites.value 
FROM json_each(?) AS sites) GROUP BY issues.project_id, issues.site;

-- issues.find_resolutions
SELECT issues.id, issues.resolved_in, issues.resolved_release_id, issues.resolved_package, issues.resolved_semver_key, issues.resolved_shipping_date, releases.shipping_date AS release_date, releases.date_released, releases.deploy_count 
FROM issues LEFT OUTER JOIN releases ON releases.organization_id = issues.organization_id AND releases.id = issues.resolved_release_id 
WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.find_short_ids
SELECT issues.short_id 
FROM issues 
WHERE issues.organization_id = ? AND issues.short_id IN (SELECT short_ids.value 
FROM json_each(?) AS short_ids);

-- issues.insert
INSERT INTO issues (id, organization_id, project_id, short_id, title, culprit, type, level, platform, handled, status, times, users, first_seen, last_seen, date_created, first_release_id, new_path_of_id, site, grouping_step, grouping_key, grouping_algorithm, suspect_status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- issues.insert_hash
INSERT INTO issue_hashes (organization_id, project_id, algorithm, hash, issue_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- issues.insert_user
INSERT INTO issue_users (organization_id, issue_id, user_hash) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING issue_id;

-- issues.keep_resolutions
UPDATE issues SET resolved_release_id=NULL, resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?) WHERE issues.organization_id = ? AND issues.resolved_release_id = ?;

-- issues.list_first_places
SELECT issues.id, issues.project_id, issues.first_release_id AS release_id, (SELECT issue_releases.environment_id 
FROM issue_releases JOIN release_events ON release_events.organization_id = issue_releases.organization_id AND release_events.release_id = issue_releases.release_id AND release_events.project_id = issues.project_id AND release_events.environment_id = issue_releases.environment_id 
WHERE issue_releases.organization_id = ? AND issue_releases.issue_id = issues.id AND issue_releases.release_id = issues.first_release_id AND release_events.new_issues > ? ORDER BY issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) AS environment_id 
FROM issues 
WHERE (+ issues.organization_id) = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.list_next_releases
SELECT issues.id, issues.project_id, (SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != ? ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) AS release_id, (SELECT issue_releases.environment_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != ? ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) AS environment_id 
FROM issues 
WHERE issues.organization_id = ? AND issues.first_release_id = ?;

-- issues.merge
UPDATE issues SET times=(SELECT CAST(sum(issues_1.times) AS BIGINT) AS sum_1 
FROM issues AS issues_1 
WHERE (+ issues_1.organization_id) = ? AND issues_1.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids)), users=(issues.users + ?), first_seen=(SELECT min(issues_1.first_seen) AS min_1 
FROM issues AS issues_1 
WHERE (+ issues_1.organization_id) = ? AND issues_1.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids)), last_seen=(SELECT max(issues_1.last_seen) AS max_1 
FROM issues AS issues_1 
WHERE (+ issues_1.organization_id) = ? AND issues_1.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids)), first_release_id=(SELECT issues_2.first_release_id 
FROM issues AS issues_2 
WHERE issues_2.organization_id = ? AND issues_2.id = ?), introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?), last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?), site=(SELECT issues_2.site 
FROM issues AS issues_2 
WHERE issues_2.organization_id = ? AND issues_2.id = ?) WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.move_paths
UPDATE issues SET new_path_of_id=CASE WHEN (issues.id = ?) THEN NULL ELSE ? END WHERE issues.organization_id = ? AND issues.new_path_of_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.reopen
UPDATE issues SET status=?, regressed_in_id=?, date_regressed=?, compared_by=? WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.reorder
UPDATE issues SET introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?), last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = ? AND issue_releases.release_id = ?);

-- issues.replace_introduced_in_id
UPDATE issues SET introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != ? ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) WHERE issues.organization_id = ? AND issues.introduced_in_id = ?;

-- issues.replace_last_release_id
UPDATE issues SET last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != ? ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) WHERE issues.organization_id = ? AND issues.last_release_id = ?;

-- issues.replace_paths
UPDATE issues SET new_path_of_id=(SELECT min(issues_1.id) AS min_1 
FROM issues AS issues_1 
WHERE issues_1.organization_id = ? AND issues_1.project_id = issues.project_id AND issues_1.site = issues.site AND issues_1.id < issues.id AND (issues_1.id NOT IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids))) WHERE issues.organization_id = ? AND issues.new_path_of_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.replace_regressed_in_id
UPDATE issues SET regressed_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != ? AND (EXISTS (SELECT ? AS anon_1 
FROM releases AS other 
WHERE other.id = ? AND (releases.shipping_date > other.shipping_date OR releases.shipping_date = other.shipping_date AND releases.id > other.id))) ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id
 LIMIT ? OFFSET ?) WHERE issues.organization_id = ? AND issues.regressed_in_id = ?;

-- issues.resolve_by_short_id
UPDATE issues SET status=?, resolved_in=?, resolved_release_id=?, resolved_commit_id=NULL, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), date_resolved=? WHERE issues.organization_id = ? AND issues.short_id IN (SELECT short_ids.value 
FROM json_each(?) AS short_ids) AND (issues.resolved_release_id IS NULL OR issues.resolved_release_id != ?) AND (issues.status != ? OR issues.resolved_release_id = ?);

-- issues.resolve_in_commit
UPDATE issues SET status=?, resolved_in=?, resolved_release_id=?, resolved_commit_id=?, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), date_resolved=? WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.resolve_in_new_release
UPDATE issues SET resolved_in=CASE WHEN (issues.resolved_in = ? AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ?) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?))) THEN ? ELSE issues.resolved_in END, resolved_release_id=?, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?) WHERE issues.organization_id = ? AND issues.resolved_release_id = ? AND (issues.resolved_in = ? AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ?) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?)) OR issues.resolved_commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ?));

-- issues.resolve_in_next_release
UPDATE issues SET status=?, resolved_in=?, resolved_release_id=?, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=(SELECT release_projects.date_shown 
FROM release_projects JOIN releases ON releases.id = release_projects.release_id 
WHERE release_projects.organization_id = issues.organization_id AND release_projects.project_id = issues.project_id AND releases.origin = ? ORDER BY release_projects.date_shown DESC, release_projects.release_id DESC
 LIMIT ? OFFSET ?), date_resolved=? WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.resolve_in_release
UPDATE issues SET status=?, resolved_in=?, resolved_release_id=?, resolved_commit_id=NULL, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), date_resolved=? WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.resolve_in_release_of_commit
UPDATE issues SET resolved_in=CASE WHEN (issues.resolved_in = ? AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ?) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?))) THEN ? ELSE issues.resolved_in END, resolved_release_id=?, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > ?) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?) WHERE issues.organization_id = ? AND issues.resolved_release_id = ? AND issues.resolved_commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ?);

-- issues.resolve_now
UPDATE issues SET status=?, resolved_in=?, resolved_release_id=NULL, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=NULL, date_resolved=? WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- issues.set_first_release
UPDATE issues SET first_release_id=? WHERE issues.organization_id = ? AND issues.id = ?;

-- issues.set_status
UPDATE issues SET status=?, resolved_in=NULL, resolved_release_id=NULL, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=NULL, date_resolved=NULL WHERE issues.organization_id = ? AND issues.id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- organizations.find
SELECT organizations.id 
FROM organizations 
WHERE organizations.slug = ?;

-- organizations.find_salt
SELECT organizations.user_salt 
FROM organizations 
WHERE organizations.id = ?;

-- organizations.insert
INSERT INTO organizations (slug, name, date_created, user_salt) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- organizations.list
SELECT organizations.slug, organizations.name, (SELECT count(*) AS count_1 
FROM projects 
WHERE projects.organization_id = organizations.id) AS projects, (SELECT count(*) AS count_2 
FROM releases 
WHERE releases.organization_id = organizations.id) AS releases 
FROM organizations ORDER BY organizations.slug;

-- outbox.claim_queue
UPDATE upstream_releases SET attempts=?, next_attempt_at=?, claim=(upstream_releases.claim + ?) WHERE upstream_releases.id = ? RETURNING claim;

-- outbox.claim_upstream
UPDATE upstreams SET resume_at=? WHERE upstreams.organization_id = ? AND upstreams.resume_at <= ? RETURNING organization_id;

-- outbox.clear_failures
UPDATE upstreams SET failures=?, resume_at=? WHERE upstreams.organization_id = ? AND upstreams.failures > ?;

-- outbox.count_attempt
UPDATE outbox SET attempts=(outbox.attempts + ?) WHERE outbox.id = ?;

-- outbox.count_failure
UPDATE upstreams SET failures=(upstreams.failures + ?), resume_at=? WHERE upstreams.organization_id = ?;

-- outbox.count_queues
SELECT upstream_releases.state, count(*) AS count_1 
FROM upstream_releases 
WHERE upstream_releases.organization_id = ? GROUP BY upstream_releases.state ORDER BY upstream_releases.state;

-- outbox.count_unsent_queues
SELECT upstream_releases.state, count(*) AS count_1 
FROM upstream_releases 
WHERE upstream_releases.state != ? GROUP BY upstream_releases.state;

-- outbox.count_unsent_requests
SELECT count(*) AS count_1 
FROM outbox 
WHERE outbox.organization_id = ?;

-- outbox.delete_queue
DELETE FROM upstream_releases WHERE upstream_releases.id = ?;

-- outbox.delete_queues
DELETE FROM upstream_releases WHERE upstream_releases.organization_id = ?;

-- outbox.delete_request
DELETE FROM outbox WHERE outbox.id = ?;

-- outbox.delete_upstream
DELETE FROM upstreams WHERE upstreams.organization_id = ? RETURNING url;

-- outbox.describe_upstream
SELECT upstreams.url, upstreams.organization, upstreams.failures, upstreams.resume_at 
FROM upstreams 
WHERE upstreams.organization_id = ?;

-- outbox.find_deploy
SELECT releases.version, deploys.release_id, environments.name, deploys.name AS name_1, deploys.url, deploys.date_started, deploys.date_finished, deploys.external_id 
FROM deploys JOIN releases ON releases.id = deploys.release_id JOIN environments ON environments.id = deploys.environment_id 
WHERE deploys.organization_id = ? AND deploys.id = ?;

-- outbox.find_failures
SELECT upstreams.failures 
FROM upstreams 
WHERE upstreams.organization_id = ?;

-- outbox.find_first_request
SELECT outbox.id, outbox.kind, outbox.body, outbox.attempts 
FROM outbox 
WHERE outbox.organization_id = ? AND outbox.queue_id = ? ORDER BY outbox.id
 LIMIT ? OFFSET ?;

-- outbox.find_release
SELECT releases.version, releases.ref, releases.url, releases.date_released, releases.status 
FROM releases 
WHERE releases.organization_id = ? AND releases.id = ?;

-- outbox.find_upstream
SELECT upstreams.url, upstreams.organization, upstreams.sealed_token 
FROM upstreams 
WHERE upstreams.organization_id = ?;

-- outbox.insert_queue
INSERT INTO upstream_releases (organization_id, version, state, attempts, last_error, next_attempt_at, claim, last_deploy) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- outbox.insert_request
INSERT INTO outbox (organization_id, queue_id, kind, body, attempts, date_created) VALUES (?, ?, ?, ?, ?, ?);

-- outbox.list_commits
SELECT commits.id, commits.sha, repositories.name, commits.message, commit_authors.email, commit_authors.name AS name_1, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id JOIN repositories ON repositories.id = commits.repository_id LEFT OUTER JOIN commit_authors ON commit_authors.id = commits.author_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ? ORDER BY release_commits.position;

-- outbox.list_deploy_slugs
SELECT projects.slug 
FROM deploy_projects JOIN projects ON projects.id = deploy_projects.project_id 
WHERE deploy_projects.organization_id = ? AND deploy_projects.deploy_id = ? ORDER BY projects.id;

-- outbox.list_due_organizations
SELECT upstreams.organization_id, upstreams.failures 
FROM upstreams 
WHERE upstreams.resume_at <= ? AND (EXISTS (SELECT upstream_releases.id 
FROM upstream_releases 
WHERE upstream_releases.organization_id = upstreams.organization_id AND upstream_releases.state = ? AND upstream_releases.next_attempt_at <= ?));

-- outbox.list_due_queues
SELECT upstream_releases.id, upstream_releases.version, upstream_releases.last_deploy 
FROM upstream_releases 
WHERE upstream_releases.organization_id = ? AND upstream_releases.state = ? AND upstream_releases.next_attempt_at <= ? ORDER BY upstream_releases.next_attempt_at, upstream_releases.id
 LIMIT ? OFFSET ?;

-- outbox.list_failed_queues
SELECT upstream_releases.id, upstream_releases.version 
FROM upstream_releases 
WHERE upstream_releases.organization_id = ? AND upstream_releases.state = ? ORDER BY upstream_releases.id;

-- outbox.list_file_changes
SELECT file_changes.commit_id, file_changes.path, file_changes.type 
FROM file_changes 
WHERE file_changes.organization_id = ? AND file_changes.commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = ? AND release_commits.release_id = ?) ORDER BY file_changes.commit_id, file_changes.path;

-- outbox.list_project_slugs
SELECT projects.slug 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id 
WHERE release_projects.organization_id = ? AND release_projects.release_id = ? ORDER BY projects.id;

-- outbox.list_requests
SELECT upstream_releases.version, outbox.kind, upstream_releases.state, outbox.attempts, upstream_releases.next_attempt_at, upstream_releases.last_error 
FROM outbox JOIN upstream_releases ON upstream_releases.id = outbox.queue_id 
WHERE outbox.organization_id = ? ORDER BY outbox.id;

-- outbox.lock_upstream_and_find_queue
SELECT upstreams.organization_id, upstream_releases.id 
FROM upstreams LEFT OUTER JOIN upstream_releases ON upstream_releases.organization_id = upstreams.organization_id AND upstream_releases.version = ? 
WHERE upstreams.organization_id = ?;

-- outbox.mark_empty_queue_sent
UPDATE upstream_releases SET state=? WHERE upstream_releases.id = ? AND upstream_releases.state = ?;

-- outbox.mark_queue_failed
UPDATE upstream_releases SET state=?, last_error=? WHERE upstream_releases.id = ? AND upstream_releases.claim = ?;

-- outbox.mark_queue_pending
UPDATE upstream_releases SET state=?, next_attempt_at=? WHERE upstream_releases.id = ?;

-- outbox.mark_queue_sent
UPDATE upstream_releases SET state=?, last_error=NULL, last_deploy=coalesce(?, upstream_releases.last_deploy) WHERE upstream_releases.id = ? AND upstream_releases.claim = ? RETURNING last_deploy;

-- outbox.postpone_queue
UPDATE upstream_releases SET last_error=?, next_attempt_at=? WHERE upstream_releases.id = ? AND upstream_releases.claim = ?;

-- outbox.retry_all_queues
UPDATE upstream_releases SET state=?, last_error=NULL, next_attempt_at=? WHERE upstream_releases.organization_id = ? AND upstream_releases.state = ?;

-- outbox.retry_queue
UPDATE upstream_releases SET state=?, attempts=?, last_error=NULL, next_attempt_at=? WHERE upstream_releases.id = ?;

-- outbox.upsert_upstream
INSERT INTO upstreams (organization_id, url, organization, sealed_token, failures, resume_at, date_created) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id) DO UPDATE SET url = excluded.url, organization = excluded.organization, sealed_token = excluded.sealed_token, failures = excluded.failures, resume_at = excluded.resume_at;

-- outbox.wake_queue
UPDATE upstream_releases SET state=?, attempts=CASE WHEN (upstream_releases.state = ?) THEN upstream_releases.attempts ELSE ? END, last_error=CASE WHEN (upstream_releases.state = ?) THEN upstream_releases.last_error ELSE NULL END, next_attempt_at=CASE WHEN (upstream_releases.state = ?) THEN upstream_releases.next_attempt_at ELSE ? END WHERE upstream_releases.id = ? RETURNING id;

-- outcomes.count
INSERT INTO outcomes (organization_id, project_id, hour, outcome, reason, category, value, quantity, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, project_id, hour, outcome, reason, category, value) DO UPDATE SET quantity = (outcomes.quantity + excluded.quantity), bytes = (outcomes.bytes + excluded.bytes);

-- project_keys.delete
DELETE FROM project_keys WHERE project_keys.organization_id = ? AND project_keys.id = ?;

-- project_keys.find_active
SELECT project_keys.organization_id, project_keys.project_id, organizations.user_salt 
FROM project_keys JOIN organizations ON organizations.id = project_keys.organization_id 
WHERE project_keys.public_key = ? AND project_keys.is_active IS 1;

-- project_keys.find_by_id
SELECT project_keys.id, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = ? AND project_keys.id = ?;

-- project_keys.find_by_public_key
SELECT project_keys.id, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = ? AND project_keys.project_id = ? AND project_keys.public_key = ?;

-- project_keys.insert
INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created) VALUES (?, ?, ?, ?, ?, ?) RETURNING id;

-- project_keys.insert_default
INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created) SELECT projects.organization_id, projects.id, ? AS anon_1, ? AS anon_2, ? AS anon_3, ? AS anon_4 
FROM projects 
WHERE projects.organization_id = ? AND projects.id = ? AND NOT (EXISTS (SELECT project_keys.id 
FROM project_keys 
WHERE project_keys.organization_id = projects.organization_id AND project_keys.project_id = projects.id));

-- project_keys.list
SELECT project_keys.public_key, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = ? AND project_keys.project_id = ? ORDER BY project_keys.id;

-- project_keys.update
UPDATE project_keys SET name=?, is_active=? WHERE project_keys.organization_id = ? AND project_keys.id = ?;

-- projects.complete
UPDATE projects SET  WHERE projects.id = ?;

-- projects.count_issues
UPDATE projects SET issue_counter=(projects.issue_counter + ?) WHERE projects.organization_id = ? AND projects.id = ? RETURNING slug, issue_counter;

-- projects.find_by_id
SELECT projects.id, projects.slug, projects.name, projects.default_repository_id 
FROM projects 
WHERE projects.organization_id = ? AND projects.id = ?;

-- projects.find_by_key
SELECT projects.slug, projects.id 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug IN (SELECT keys.value 
FROM json_each(?) AS keys);

-- projects.find_by_slug
SELECT projects.id, projects.slug, projects.name, projects.default_repository_id 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug = ?;

-- projects.insert
INSERT INTO projects (organization_id, slug, name, date_created, default_repository_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- projects.insert_missing
INSERT INTO projects (organization_id, slug, name, date_created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- projects.insert_new
INSERT INTO projects (id, organization_id, slug, name, date_created) VALUES (?, ?, ?, ?, ?);

-- projects.list
SELECT organizations.slug, projects.slug AS slug_1, projects.name 
FROM projects JOIN organizations ON organizations.id = projects.organization_id ORDER BY organizations.slug, projects.slug;

-- projects.look_up_by_id
SELECT projects.id, projects.slug 
FROM projects 
WHERE projects.organization_id = ? AND projects.id IN (SELECT named.value 
FROM json_each(?) AS named);

-- projects.look_up_by_slug
SELECT projects.id, projects.slug 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug IN (SELECT named.value 
FROM json_each(?) AS named);

-- projects.update
UPDATE projects SET slug=?, name=?, default_repository_id=? WHERE projects.id = ?;

-- release_events.delete_of_release
DELETE FROM release_events WHERE release_events.organization_id = ? AND release_events.release_id = ?;

-- release_files.delete
DELETE FROM release_files WHERE release_files.organization_id = ? AND release_files.release_id = ? AND release_files.id IN (SELECT files.value 
FROM json_each(?) AS files) RETURNING id;

-- release_files.delete_all
DELETE FROM release_files WHERE release_files.organization_id = ? AND release_files.release_id = ? RETURNING id;

-- release_files.find
SELECT release_files.name, release_files.dist 
FROM release_files 
WHERE release_files.organization_id = ? AND release_files.release_id = ? AND release_files.id = ?;

-- release_files.find_by_name
SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = ? AND release_files.release_id = ? AND release_files.name = ? AND release_files.dist = ?;

-- release_files.insert
INSERT INTO release_files (organization_id, release_id, name, dist, headers, blob_id, size, sha1, date_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- release_files.rename
UPDATE release_files SET name=? WHERE release_files.organization_id = ? AND release_files.release_id = ? AND release_files.id = ? RETURNING id;

-- release_files.replace
INSERT INTO release_files (organization_id, release_id, name, dist, headers, blob_id, size, sha1, date_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, name, dist) DO UPDATE SET headers = excluded.headers, blob_id = excluded.blob_id, size = excluded.size, sha1 = excluded.sha1, date_created = excluded.date_created RETURNING id;

-- releases.claim
UPDATE releases SET shipping_date=?, origin=? WHERE releases.id = ?;

-- releases.claim_links
UPDATE release_projects SET date_shown=? WHERE release_projects.organization_id = ? AND release_projects.release_id = ?;

-- releases.clear_last_deploy
UPDATE releases SET last_deploy_id=NULL WHERE releases.id = ?;

-- releases.count
SELECT releases.version, releases.commit_count 
FROM releases 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions);

-- releases.count_events
INSERT INTO release_events (organization_id, release_id, project_id, environment_id, first_event, last_event, events, new_issues) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, project_id, environment_id) DO UPDATE SET first_event = CASE WHEN (excluded.first_event < release_events.first_event) THEN excluded.first_event ELSE release_events.first_event END, last_event = CASE WHEN (excluded.last_event > release_events.last_event) THEN excluded.last_event ELSE release_events.last_event END, events = (release_events.events + excluded.events), new_issues = (release_events.new_issues + excluded.new_issues);

-- releases.count_new_issues
UPDATE release_events SET new_issues=(release_events.new_issues + ?) WHERE release_events.organization_id = ? AND release_events.release_id = ? AND release_events.project_id = ? AND release_events.environment_id = ?;

-- releases.delete
DELETE FROM releases WHERE releases.id = ?;

-- releases.find_first_with_commit
SELECT releases.id 
FROM release_commits JOIN releases ON releases.id = release_commits.release_id 
WHERE release_commits.organization_id = ? AND release_commits.commit_id = ? ORDER BY releases.shipping_date, releases.id
 LIMIT ? OFFSET ?;

-- releases.find_shipped
SELECT releases.id, releases.package, releases.semver_key, releases.shipping_date 
FROM releases 
WHERE releases.organization_id = ? AND releases.id IN (SELECT release_ids.value 
FROM json_each(?) AS release_ids);

-- releases.find_sort_keys
SELECT releases.date_created, releases.release_order, releases.semver_key, releases.build_number, releases.shipping_date 
FROM releases 
WHERE releases.id = ?;

-- releases.has_issues
SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = ? AND issue_releases.release_id = ?
 LIMIT ? OFFSET ?;

-- releases.insert
INSERT INTO releases (id, organization_id, version, ref, url, status, user_agent, notes, metadata_json, folded_version, date_created, date_released, release_order, shipping_date, origin, commit_count, commit_status, deploy_count, last_commit_id, package, raw, major, minor, patch, pre, build_code, components, description, build_hash, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- releases.insert_deleted
INSERT INTO deleted_releases (organization_id, version, date_deleted) VALUES (?, ?, ?) ON CONFLICT (organization_id, version) DO UPDATE SET date_deleted = excluded.date_deleted;

-- releases.link_new
INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- releases.link_project
INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING project_id;

-- releases.lock
SELECT releases.id 
FROM releases 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) ORDER BY releases.version;

-- releases.lock_commit_references
SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.name IN (SELECT names.value 
FROM json_each(?) AS names) UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = ? AND commit_authors.email IN (SELECT emails.value 
FROM json_each(?) AS emails) UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = ? AND commits.sha IN (SELECT shas.value 
FROM json_each(?) AS shas);

-- releases.look_up_and_lock_new
SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.name IN (SELECT names.value 
FROM json_each(?) AS names) UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = ? AND commit_authors.email IN (SELECT emails.value 
FROM json_each(?) AS emails) UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = ? AND commits.sha IN (SELECT shas.value 
FROM json_each(?) AS shas) UNION ALL SELECT 'release' AS kind, releases.version AS name, releases.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM releases 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) UNION ALL SELECT 'project' AS kind, projects.slug AS name, projects.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug IN (SELECT slugs.value 
FROM json_each(?) AS slugs) UNION ALL SELECT 'upstream' AS kind, CAST(NULL AS TEXT) AS name, upstreams.organization_id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM upstreams 
WHERE upstreams.organization_id = ? UNION ALL SELECT 'awaiting' AS kind, CAST(NULL AS TEXT) AS name, min(issues.id) AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM issues 
WHERE issues.organization_id = ? AND issues.resolved_release_id = ?;

-- releases.look_up_new
SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.name IN (SELECT names.value 
FROM json_each(?) AS names) UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = ? AND commit_authors.email IN (SELECT emails.value 
FROM json_each(?) AS emails) UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = ? AND commits.sha IN (SELECT shas.value 
FROM json_each(?) AS shas) UNION ALL SELECT 'release' AS kind, releases.version AS name, releases.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM releases 
WHERE releases.organization_id = ? AND releases.version IN (SELECT versions.value 
FROM json_each(?) AS versions) UNION ALL SELECT 'project' AS kind, projects.slug AS name, projects.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug IN (SELECT slugs.value 
FROM json_each(?) AS slugs) UNION ALL SELECT 'upstream' AS kind, CAST(NULL AS TEXT) AS name, upstreams.organization_id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM upstreams 
WHERE upstreams.organization_id = ? UNION ALL SELECT 'awaiting' AS kind, CAST(NULL AS TEXT) AS name, min(issues.id) AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS VARCHAR(27)) AS time 
FROM issues 
WHERE issues.organization_id = ? AND issues.resolved_release_id = ?;

-- releases.sort_shipped
SELECT releases.id 
FROM releases 
WHERE releases.organization_id = ? AND releases.id IN (SELECT release_ids.value 
FROM json_each(?) AS release_ids) AND releases.origin = ? ORDER BY releases.shipping_date, releases.id;

-- releases.subtract_new_issues
UPDATE release_events SET new_issues=CASE WHEN (release_events.new_issues > ?) THEN release_events.new_issues - ? ELSE ? END WHERE release_events.organization_id = ? AND release_events.release_id = ? AND release_events.project_id = ? AND release_events.environment_id = ?;

-- releases.update_date_of_links
UPDATE release_projects SET release_order=?, date_shown=? WHERE release_projects.organization_id = ? AND release_projects.release_id = ?;

-- repositories.complete
UPDATE repositories SET  WHERE repositories.id = ?;

-- repositories.find_by_key
SELECT repositories.name, repositories.id 
FROM repositories 
WHERE repositories.organization_id = ? AND repositories.name IN (SELECT keys.value 
FROM json_each(?) AS keys);

-- repositories.insert_missing
INSERT INTO repositories (organization_id, name, date_created) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- repositories.insert_new
INSERT INTO repositories (id, organization_id, name, date_created) VALUES (?, ?, ?, ?);

-- retention.delete_events
DELETE FROM events WHERE events.organization_id = ? AND events.id IN (SELECT ids.value 
FROM json_each(?) AS ids) RETURNING id;

-- retention.list_environments
SELECT environments.id 
FROM environments 
WHERE environments.organization_id = ?;

-- retention.list_events_of_issue
SELECT events.id, events.timestamp, events.received, events.release_id, length(events.body) AS size, events.id = (SELECT earlier.id 
FROM events AS earlier 
WHERE earlier.organization_id = events.organization_id AND earlier.issue_id = events.issue_id ORDER BY earlier.timestamp, earlier.id
 LIMIT ? OFFSET ?) AS is_first 
FROM events 
WHERE events.organization_id = ? AND events.issue_id = ? AND events.received < ? ORDER BY events.timestamp, events.id;

-- retention.list_events_of_project
SELECT events.id, events.timestamp, events.received, events.release_id, length(events.body) AS size, events.id = (SELECT earlier.id 
FROM events AS earlier 
WHERE earlier.organization_id = events.organization_id AND earlier.issue_id = events.issue_id ORDER BY earlier.timestamp, earlier.id
 LIMIT ? OFFSET ?) AS is_first 
FROM events 
WHERE events.organization_id = ? AND events.project_id = ? AND events.timestamp < ? AND events.timestamp >= ? AND (events.timestamp > ? OR events.id > ?) ORDER BY events.timestamp, events.id
 LIMIT ? OFFSET ?;

-- retention.list_organizations
SELECT organizations.id 
FROM organizations ORDER BY organizations.id;

-- retention.list_projects
SELECT projects.organization_id, projects.id 
FROM projects ORDER BY projects.id;

-- retention.list_recent_issues
SELECT issues.id 
FROM issues 
WHERE issues.organization_id = ? AND issues.project_id = ? AND issues.last_seen >= ? ORDER BY issues.last_seen, issues.id;

-- retention.subtract_bytes
UPDATE ingest_hours SET bytes=(ingest_hours.bytes - ?) WHERE ingest_hours.organization_id = ? AND ingest_hours.project_id = ? AND ingest_hours.hour = ?;

-- retention.sum_bytes
SELECT coalesce(sum(ingest_hours.bytes), ?) AS coalesce_1 
FROM ingest_hours 
WHERE ingest_hours.organization_id = ? AND ingest_hours.project_id = ?;

-- session_hours.delete_of_release
DELETE FROM session_hours WHERE session_hours.organization_id = ? AND session_hours.release_id = ?;

-- session_users.delete_of_release
DELETE FROM session_users WHERE session_users.organization_id = ? AND session_users.release_id = ?;

-- session_users.forget_user
DELETE FROM session_users WHERE session_users.organization_id = ? AND session_users.user_hash = ?;

-- sessions.count_hour
INSERT INTO session_hours (organization_id, release_id, project_id, environment_id, hour, sessions, crashed, abnormal, unhandled, errored) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, project_id, environment_id, hour) DO UPDATE SET sessions = (session_hours.sessions + excluded.sessions), crashed = (session_hours.crashed + excluded.crashed), abnormal = (session_hours.abnormal + excluded.abnormal), unhandled = (session_hours.unhandled + excluded.unhandled), errored = (session_hours.errored + excluded.errored);

-- sessions.count_user
INSERT INTO session_users (organization_id, release_id, project_id, environment_id, user_hash, last_hour, crashed) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, release_id, project_id, environment_id, user_hash) DO UPDATE SET last_hour = CASE WHEN (excluded.last_hour > session_users.last_hour) THEN excluded.last_hour ELSE session_users.last_hour END, crashed = (session_users.crashed = 1 OR excluded.crashed = 1);

-- sessions.find_live
SELECT live_sessions.project_id, live_sessions.sid, live_sessions.release_id, live_sessions.environment_id, live_sessions.hour, live_sessions.status 
FROM live_sessions 
WHERE live_sessions.organization_id = ? AND live_sessions.project_id IN (SELECT projects.value 
FROM json_each(?) AS projects) AND live_sessions.sid IN (SELECT sids.value 
FROM json_each(?) AS sids);

-- sessions.upsert_live
INSERT INTO live_sessions (organization_id, project_id, sid, release_id, environment_id, hour, status, date_updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (organization_id, project_id, sid) DO UPDATE SET release_id = excluded.release_id, environment_id = excluded.environment_id, hour = excluded.hour, status = excluded.status, date_updated = CASE WHEN (excluded.date_updated > live_sessions.date_updated) THEN excluded.date_updated ELSE live_sessions.date_updated END;

-- suspects.delete
DELETE FROM suspect_commits WHERE suspect_commits.organization_id = ? AND suspect_commits.issue_id IN (SELECT issue_ids.value 
FROM json_each(?) AS issue_ids);

-- suspects.find_change
SELECT file_changes.commit_id 
FROM release_commits CROSS JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id IN (SELECT release_ids.value 
FROM json_each(?) AS release_ids) AND release_commits.position < ?
 LIMIT ? OFFSET ?;

-- suspects.find_issue
SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = ? AND issue_releases.release_id = ?
 LIMIT ? OFFSET ?;

-- suspects.insert
INSERT INTO suspect_commits (organization_id, issue_id, position, commit_id, score, path, frame_path, matched_segments, releases_back) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- suspects.list_changes
SELECT changes.release_id, changes.position, changes.commit_id, changes.path, changes.type 
FROM (SELECT release_commits.release_id AS release_id, release_commits.position AS position, file_changes.commit_id AS commit_id, file_changes.path AS path, file_changes.type AS type, substr(lower(file_changes.path), length(rtrim(lower(file_changes.path), replace(lower(file_changes.path), ?, ?))) + ?) AS name 
FROM release_commits CROSS JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id IN (SELECT release_ids.value 
FROM json_each(?) AS release_ids) AND release_commits.position < ?) AS changes 
WHERE changes.name IN (SELECT names.value 
FROM json_each(?) AS names);

-- suspects.list_changes_by_stem
SELECT changes.release_id, changes.position, changes.commit_id, changes.path, changes.type 
FROM (SELECT release_commits.release_id AS release_id, release_commits.position AS position, file_changes.commit_id AS commit_id, file_changes.path AS path, file_changes.type AS type, rtrim(rtrim(substr(lower(file_changes.path), length(rtrim(lower(file_changes.path), replace(lower(file_changes.path), ?, ?))) + ?), replace(substr(lower(file_changes.path), length(rtrim(lower(file_changes.path), replace(lower(file_changes.path), ?, ?))) + ?), ?, ?)), ?) AS name 
FROM release_commits CROSS JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = ? AND release_commits.release_id IN (SELECT release_ids.value 
FROM json_each(?) AS release_ids) AND release_commits.position < ?) AS changes 
WHERE changes.name IN (SELECT names.value 
FROM json_each(?) AS names);

-- suspects.list_issues
SELECT issues.id, issues.project_id, issues.platform, issues.grouping_step, issues.suspect_status, (SELECT events.body 
FROM events 
WHERE events.organization_id = ? AND events.issue_id = issues.id AND events.timestamp >= (SELECT min(issue_releases.first_seen) AS min_1 
FROM issue_releases 
WHERE issue_releases.organization_id = ? AND issue_releases.issue_id = issues.id AND issue_releases.release_id = ?) AND events.release_id = ? ORDER BY events.timestamp, events.id
 LIMIT ? OFFSET ?) AS body 
FROM issues 
WHERE issues.organization_id = ? AND (issues.first_release_id = ? OR issues.regressed_in_id = ?) ORDER BY issues.id DESC
 LIMIT ? OFFSET ?;

-- suspects.list_window
SELECT release_projects.release_id, releases.commit_count 
FROM releases AS releases_1 JOIN release_projects ON release_projects.organization_id = releases_1.organization_id AND release_projects.project_id = ? JOIN releases ON releases.id = release_projects.release_id 
WHERE releases_1.organization_id = ? AND releases_1.id = ? AND release_projects.date_shown <= releases_1.shipping_date AND (release_projects.release_id = releases_1.id OR (release_projects.date_shown < releases_1.shipping_date OR release_projects.date_shown = releases_1.shipping_date AND release_projects.release_id < releases_1.id) AND releases.origin = ?) ORDER BY release_projects.date_shown DESC, release_projects.release_id DESC
 LIMIT ? OFFSET ?;

-- suspects.set_status
UPDATE issues SET suspect_status=? WHERE issues.organization_id = ? AND issues.id = ?;

-- symbolication.find_by_debug_id
SELECT debug_ids.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM json_each(?) AS debug_ids JOIN json_each(?) AS types ON types.value IS NOT NULL CROSS JOIN artifact_files ON artifact_files.organization_id = ? AND artifact_files.id = (SELECT artifact_files_1.id 
FROM artifact_files AS artifact_files_1 CROSS JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = ? 
WHERE artifact_files_1.organization_id = ? AND artifact_files_1.debug_id = debug_ids.value AND artifact_files_1.type = types.value ORDER BY artifact_bundle_projects_1.date_modified DESC, artifact_bundle_projects_1.artifact_bundle_id DESC, artifact_files_1.id
 LIMIT ? OFFSET ?) CROSS JOIN artifact_bundles ON artifact_bundles.organization_id = ? AND artifact_bundles.id = artifact_files.artifact_bundle_id CROSS JOIN blobs ON blobs.organization_id = ? AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_by_file_name
SELECT file_names.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used, (SELECT count(DISTINCT coalesce(artifact_files_1.debug_id, CAST(artifact_files_1.id AS TEXT))) AS count_1 
FROM artifact_bundle_associations CROSS JOIN artifact_files AS artifact_files_1 ON artifact_files_1.organization_id = artifact_bundle_associations.organization_id AND artifact_files_1.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_1.file_name = file_names.value CROSS JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = ? 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ? AND artifact_bundle_associations.dist = ? AND artifact_files_1.type = ?) AS file_count 
FROM json_each(?) AS file_names CROSS JOIN artifact_files ON artifact_files.organization_id = ? AND artifact_files.id = (SELECT artifact_files_2.id 
FROM artifact_bundle_associations CROSS JOIN artifact_files AS artifact_files_2 ON artifact_files_2.organization_id = artifact_bundle_associations.organization_id AND artifact_files_2.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_2.file_name = file_names.value CROSS JOIN artifact_bundle_projects AS artifact_bundle_projects_2 ON artifact_bundle_projects_2.organization_id = artifact_files_2.organization_id AND artifact_bundle_projects_2.artifact_bundle_id = artifact_files_2.artifact_bundle_id AND artifact_bundle_projects_2.project_id = ? 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ? AND artifact_bundle_associations.dist = ? AND artifact_files_2.type = ? ORDER BY artifact_bundle_projects_2.date_modified DESC, artifact_bundle_projects_2.artifact_bundle_id DESC, artifact_files_2.id
 LIMIT ? OFFSET ?) CROSS JOIN artifact_bundles ON artifact_bundles.organization_id = ? AND artifact_bundles.id = artifact_files.artifact_bundle_id CROSS JOIN blobs ON blobs.organization_id = ? AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_by_url
SELECT urls.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM json_each(?) AS urls CROSS JOIN artifact_files ON artifact_files.organization_id = ? AND artifact_files.id = (SELECT artifact_files_1.id 
FROM artifact_bundle_associations CROSS JOIN artifact_files AS artifact_files_1 ON artifact_files_1.organization_id = artifact_bundle_associations.organization_id AND artifact_files_1.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_1.url = urls.value CROSS JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = ? 
WHERE artifact_bundle_associations.organization_id = ? AND artifact_bundle_associations.version = ? AND artifact_bundle_associations.dist = ? ORDER BY artifact_bundle_projects_1.date_modified DESC, artifact_bundle_projects_1.artifact_bundle_id DESC, artifact_files_1.id
 LIMIT ? OFFSET ?) CROSS JOIN artifact_bundles ON artifact_bundles.organization_id = ? AND artifact_bundles.id = artifact_files.artifact_bundle_id CROSS JOIN blobs ON blobs.organization_id = ? AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_in_bundles
SELECT artifact_files.url AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM json_each(?) AS bundles CROSS JOIN artifact_files ON artifact_files.organization_id = ? AND artifact_files.artifact_bundle_id = bundles.value AND artifact_files.url IN (SELECT urls.value 
FROM json_each(?) AS urls) CROSS JOIN artifact_bundles ON artifact_bundles.organization_id = ? AND artifact_bundles.id = artifact_files.artifact_bundle_id CROSS JOIN blobs ON blobs.organization_id = ? AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_project
SELECT projects.id 
FROM projects 
WHERE projects.organization_id = ? AND projects.slug = ?;

-- symbolication.find_release_files
SELECT release_files.name, blobs.sha1, release_files.headers, release_files.size, release_files.date_created 
FROM releases CROSS JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id AND release_files.dist = ? AND release_files.name IN (SELECT urls.value 
FROM json_each(?) AS urls) CROSS JOIN blobs ON blobs.organization_id = release_files.organization_id AND blobs.id = release_files.blob_id 
WHERE releases.organization_id = ? AND releases.version = ?;

-- symbolication.renew_use
UPDATE artifact_bundles SET date_used=? WHERE artifact_bundles.organization_id = ? AND artifact_bundles.id IN (SELECT bundles.value 
FROM json_each(?) AS bundles);

-- tokens.find
SELECT tokens.id, tokens.organization_id, organizations.slug, tokens.scopes, tokens.expires_at 
FROM tokens JOIN organizations ON organizations.id = tokens.organization_id 
WHERE tokens.digest = ? AND tokens.revoked_at IS NULL;

-- tokens.find_active
SELECT tokens.id 
FROM tokens 
WHERE tokens.id = ? AND tokens.revoked_at IS NULL;

-- tokens.insert
INSERT INTO tokens (organization_id, digest, hint, name, scopes, date_created, expires_at, revoked_at, last_used_at, maker_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- tokens.list
SELECT tokens.id, tokens.hint, tokens.name, tokens.scopes, tokens.date_created, tokens.expires_at, tokens.revoked_at, tokens.last_used_at, tokens.maker_id 
FROM tokens 
WHERE tokens.organization_id = ? ORDER BY tokens.id;

-- tokens.note_use
UPDATE tokens SET last_used_at=? WHERE tokens.id = ?;

-- tokens.revoke
UPDATE tokens SET revoked_at=? WHERE tokens.organization_id = ? AND tokens.id = ? AND tokens.revoked_at IS NULL RETURNING id;

-- tokens.revoke_with_made
WITH RECURSIVE descendants(id) AS 
(SELECT tokens.id AS id 
FROM tokens 
WHERE tokens.organization_id = ? AND tokens.id = ? UNION SELECT tokens.id AS id 
FROM tokens JOIN descendants ON tokens.maker_id = descendants.id)
 UPDATE tokens SET revoked_at=? WHERE tokens.organization_id = ? AND tokens.id IN (SELECT descendants.id 
FROM descendants) AND tokens.revoked_at IS NULL RETURNING id;

