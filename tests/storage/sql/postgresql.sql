-- artifact_bundles.delete
/* artifact_bundles.delete */ DELETE FROM artifact_bundles WHERE artifact_bundles.organization_id = $1::BIGINT AND artifact_bundles.id = $2::BIGINT RETURNING artifact_bundles.id;

-- artifact_bundles.delete_associations_of_version
/* artifact_bundles.delete_associations_of_version */ DELETE FROM artifact_bundle_associations WHERE artifact_bundle_associations.organization_id = $1::BIGINT AND artifact_bundle_associations.version = $2::VARCHAR;

-- artifact_bundles.delete_files
/* artifact_bundles.delete_files */ DELETE FROM artifact_files WHERE artifact_files.organization_id = $1::BIGINT AND artifact_files.artifact_bundle_id = $2::BIGINT;

-- artifact_bundles.delete_version
/* artifact_bundles.delete_version */ DELETE FROM artifact_bundle_versions WHERE artifact_bundle_versions.organization_id = $1::BIGINT AND artifact_bundle_versions.version = $2::VARCHAR;

-- artifact_bundles.find
/* artifact_bundles.find */ SELECT artifact_bundles.id, artifact_bundles.date_used > $1::TIMESTAMP WITH TIME ZONE AS is_used 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.bundle_id = $3::VARCHAR;

-- artifact_bundles.insert_associations
/* artifact_bundles.insert_associations */ INSERT INTO artifact_bundle_associations (organization_id, artifact_bundle_id, version, dist) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, anon_3.version, anon_3.dist 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_3(version VARCHAR(200) COLLATE "C", dist VARCHAR(64) COLLATE "C") ON CONFLICT DO NOTHING;

-- artifact_bundles.insert_files
/* artifact_bundles.insert_files */ INSERT INTO artifact_files (organization_id, artifact_bundle_id, path, url, type, debug_id, source_map, file_name, headers, size) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, anon_3.path, anon_3.url, anon_3.type, anon_3.debug_id, anon_3.source_map, anon_3.file_name, anon_3.headers, anon_3.size 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_3(path TEXT, url VARCHAR(600) COLLATE "C", type VARCHAR(20) COLLATE "C", debug_id VARCHAR(45) COLLATE "C", source_map TEXT, file_name VARCHAR(300) COLLATE "C", headers TEXT, size BIGINT);

-- artifact_bundles.insert_projects
/* artifact_bundles.insert_projects */ INSERT INTO artifact_bundle_projects (organization_id, artifact_bundle_id, date_modified, project_id) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, $3::TIMESTAMP WITH TIME ZONE AS anon_3, anon_4.project_id 
FROM json_to_recordset(CAST($4::VARCHAR AS JSON)) AS anon_4(project_id BIGINT) ON CONFLICT DO NOTHING;

-- artifact_bundles.insert_versions
/* artifact_bundles.insert_versions */ INSERT INTO artifact_bundle_versions (organization_id, artifact_bundle_id, date_modified, version) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, $3::TIMESTAMP WITH TIME ZONE AS anon_3, anon_4.version 
FROM json_to_recordset(CAST($4::VARCHAR AS JSON)) AS anon_4(version VARCHAR(200) COLLATE "C") ON CONFLICT DO NOTHING;

-- artifact_bundles.list_associations
/* artifact_bundles.list_associations */ SELECT artifact_bundle_associations.version, artifact_bundle_associations.dist 
FROM artifact_bundle_associations 
WHERE artifact_bundle_associations.organization_id = $1::BIGINT AND artifact_bundle_associations.artifact_bundle_id = $2::BIGINT;

-- artifact_bundles.list_projects
/* artifact_bundles.list_projects */ SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = $1::BIGINT AND artifact_bundle_projects.artifact_bundle_id = $2::BIGINT;

-- artifact_bundles.list_versions
/* artifact_bundles.list_versions */ SELECT artifact_bundle_versions.version 
FROM artifact_bundle_versions 
WHERE artifact_bundle_versions.organization_id = $1::BIGINT AND artifact_bundle_versions.artifact_bundle_id = $2::BIGINT;

-- artifact_bundles.note_upload
/* artifact_bundles.note_upload */ UPDATE artifact_bundles SET date_used=$1::TIMESTAMP WITH TIME ZONE WHERE artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = $3::BIGINT;

-- artifact_bundles.remove_project
/* artifact_bundles.remove_project */ DELETE FROM artifact_bundle_projects WHERE artifact_bundle_projects.organization_id = $1::BIGINT AND artifact_bundle_projects.artifact_bundle_id = $2::BIGINT AND artifact_bundle_projects.project_id = $3::BIGINT RETURNING artifact_bundle_projects.project_id;

-- artifact_bundles.set_date
/* artifact_bundles.set_date */ UPDATE artifact_bundles SET date_modified=$1::TIMESTAMP WITH TIME ZONE, date_used=$1::TIMESTAMP WITH TIME ZONE WHERE artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = $3::BIGINT;

-- artifact_bundles.set_date_of_projects
/* artifact_bundles.set_date_of_projects */ UPDATE artifact_bundle_projects SET date_modified=$1::TIMESTAMP WITH TIME ZONE WHERE artifact_bundle_projects.organization_id = $2::BIGINT AND artifact_bundle_projects.artifact_bundle_id = $3::BIGINT;

-- artifact_bundles.set_date_of_versions
/* artifact_bundles.set_date_of_versions */ UPDATE artifact_bundle_versions SET date_modified=$1::TIMESTAMP WITH TIME ZONE WHERE artifact_bundle_versions.organization_id = $2::BIGINT AND artifact_bundle_versions.artifact_bundle_id = $3::BIGINT;

-- artifact_bundles.upsert
/* artifact_bundles.upsert */ INSERT INTO artifact_bundles (organization_id, bundle_id, blob_id, size, file_count, date_uploaded, date_modified, date_used) VALUES ($1::BIGINT, $2::VARCHAR, $3::BIGINT, $4::BIGINT, $5::INTEGER, $6::TIMESTAMP WITH TIME ZONE, $7::TIMESTAMP WITH TIME ZONE, $8::TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, bundle_id) DO UPDATE SET blob_id = excluded.blob_id, size = excluded.size, file_count = excluded.file_count, date_modified = excluded.date_modified, date_used = excluded.date_used RETURNING artifact_bundles.id;

-- artifact_lookup.find_bundle_bytes
/* artifact_lookup.find_bundle_bytes */ SELECT artifact_bundles.bundle_id, blobs.sha1, blobs.size 
FROM artifact_bundles JOIN blobs ON blobs.organization_id = artifact_bundles.organization_id AND blobs.id = artifact_bundles.blob_id 
WHERE artifact_bundles.organization_id = $1::BIGINT AND artifact_bundles.id = $2::BIGINT AND (EXISTS (SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = artifact_bundles.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundles.id AND artifact_bundle_projects.project_id = $3::BIGINT));

-- artifact_lookup.find_by_debug_id
/* artifact_lookup.find_by_debug_id */ SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_files JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_files.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_files.artifact_bundle_id 
WHERE artifact_files.organization_id = $1::BIGINT AND artifact_files.debug_id = $2::VARCHAR AND artifact_bundle_projects.project_id = $3::BIGINT GROUP BY artifact_bundle_projects.artifact_bundle_id, artifact_bundle_projects.date_modified ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC 
 LIMIT $4::INTEGER;

-- artifact_lookup.find_by_release
/* artifact_lookup.find_by_release */ SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_bundle_associations JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_bundle_associations.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id 
WHERE artifact_bundle_associations.organization_id = $1::BIGINT AND artifact_bundle_associations.version = $2::VARCHAR AND artifact_bundle_associations.dist = $3::VARCHAR AND artifact_bundle_projects.project_id = $4::BIGINT ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC 
 LIMIT $5::INTEGER;

-- artifact_lookup.find_by_url
/* artifact_lookup.find_by_url */ SELECT artifact_bundle_projects.artifact_bundle_id 
FROM artifact_bundle_associations JOIN artifact_bundle_projects ON artifact_bundle_projects.organization_id = artifact_bundle_associations.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id 
WHERE artifact_bundle_associations.organization_id = $1::BIGINT AND artifact_bundle_associations.version = $2::VARCHAR AND artifact_bundle_associations.dist = $3::VARCHAR AND artifact_bundle_projects.project_id = $4::BIGINT AND (EXISTS (SELECT artifact_files.id 
FROM artifact_files 
WHERE artifact_files.organization_id = artifact_bundle_projects.organization_id AND artifact_files.artifact_bundle_id = artifact_bundle_projects.artifact_bundle_id AND strpos(artifact_files.url, $5::VARCHAR) > $6::INTEGER)) ORDER BY artifact_bundle_projects.date_modified DESC, artifact_bundle_projects.artifact_bundle_id DESC 
 LIMIT $7::INTEGER;

-- artifact_lookup.find_file_bytes
/* artifact_lookup.find_file_bytes */ SELECT release_files.name, blobs.sha1, blobs.size 
FROM release_files JOIN releases ON releases.organization_id = release_files.organization_id AND releases.id = release_files.release_id JOIN blobs ON blobs.organization_id = release_files.organization_id AND blobs.id = release_files.blob_id 
WHERE release_files.organization_id = $1::BIGINT AND release_files.id = $2::BIGINT AND (EXISTS (SELECT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = releases.id AND release_projects.project_id = $3::BIGINT));

-- artifact_lookup.find_member
/* artifact_lookup.find_member */ SELECT blobs.sha1, artifact_files.size 
FROM artifact_bundles JOIN blobs ON blobs.organization_id = artifact_bundles.organization_id AND blobs.id = artifact_bundles.blob_id JOIN artifact_files ON artifact_files.organization_id = artifact_bundles.organization_id AND artifact_files.artifact_bundle_id = artifact_bundles.id 
WHERE artifact_bundles.organization_id = $1::BIGINT AND artifact_bundles.bundle_id = $2::VARCHAR AND artifact_files.path = $3::VARCHAR AND (EXISTS (SELECT artifact_bundle_projects.project_id 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = artifact_bundles.organization_id AND artifact_bundle_projects.artifact_bundle_id = artifact_bundles.id AND artifact_bundle_projects.project_id = $4::BIGINT)) 
 LIMIT $5::INTEGER;

-- artifact_lookup.find_release_files
/* artifact_lookup.find_release_files */ SELECT release_files.id, release_files.name, release_files.headers 
FROM releases JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id 
WHERE releases.organization_id = $1::BIGINT AND releases.version = $2::VARCHAR AND release_files.dist = $3::VARCHAR AND strpos(release_files.name, $4::VARCHAR) > $5::INTEGER AND (EXISTS (SELECT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = releases.id AND release_projects.project_id = $6::BIGINT)) ORDER BY release_files.id 
 LIMIT $7::INTEGER;

-- assemblies.claim
/* assemblies.claim */ UPDATE assemblies SET state=$1::VARCHAR, detail=$2::VARCHAR, request=$3::VARCHAR, date_updated=$4::TIMESTAMP WITH TIME ZONE WHERE assemblies.id = $5::BIGINT AND assemblies.date_updated = $6::TIMESTAMP WITH TIME ZONE RETURNING assemblies.id;

-- assemblies.delete
/* assemblies.delete */ DELETE FROM assemblies WHERE assemblies.id = $1::BIGINT AND assemblies.date_updated = $2::TIMESTAMP WITH TIME ZONE;

-- assemblies.find
/* assemblies.find */ SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.organization_id = $1::BIGINT AND assemblies.kind = $2::VARCHAR AND assemblies.subject = $3::VARCHAR AND assemblies.checksum = $4::VARCHAR;

-- assemblies.find_and_lock
/* assemblies.find_and_lock */ SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.organization_id = $1::BIGINT AND assemblies.kind = $2::VARCHAR AND assemblies.subject = $3::VARCHAR AND assemblies.checksum = $4::VARCHAR FOR UPDATE OF assemblies;

-- assemblies.forget
/* assemblies.forget */ DELETE FROM assemblies WHERE assemblies.organization_id = $1::BIGINT AND assemblies.kind = $2::VARCHAR AND assemblies.subject = $3::VARCHAR AND assemblies.checksum = $4::VARCHAR;

-- assemblies.insert
/* assemblies.insert */ INSERT INTO assemblies (organization_id, kind, subject, checksum, state, detail, request, date_created, date_updated) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::VARCHAR, $7::VARCHAR, $8::TIMESTAMP WITH TIME ZONE, $9::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING assemblies.id;

-- assemblies.list_unfinished
/* assemblies.list_unfinished */ SELECT assemblies.id, assemblies.organization_id, organizations.slug, assemblies.kind, assemblies.subject, assemblies.checksum, assemblies.state, assemblies.detail, assemblies.request, assemblies.date_updated 
FROM assemblies JOIN organizations ON organizations.id = assemblies.organization_id 
WHERE assemblies.state = $1::VARCHAR OR assemblies.state = $2::VARCHAR ORDER BY assemblies.date_updated, assemblies.id 
 LIMIT $3::INTEGER;

-- assemblies.renew
/* assemblies.renew */ UPDATE assemblies SET state=$1::VARCHAR, date_updated=$2::TIMESTAMP WITH TIME ZONE WHERE assemblies.id = $3::BIGINT AND (assemblies.state = $4::VARCHAR OR assemblies.state = $5::VARCHAR);

-- assemblies.update
/* assemblies.update */ UPDATE assemblies SET state=$1::VARCHAR, detail=$2::VARCHAR, request=$3::VARCHAR, date_updated=$4::TIMESTAMP WITH TIME ZONE WHERE assemblies.id = $5::BIGINT;

-- blobs.find
/* blobs.find */ SELECT blobs.id, blobs.sha1, blobs.sha256, blobs.size 
FROM blobs 
WHERE blobs.organization_id = $1::BIGINT AND blobs.sha1 = $2::VARCHAR;

-- blobs.record
/* blobs.record */ INSERT INTO blobs (organization_id, sha1, sha256, size, date_stored) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::BIGINT, $5::TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, sha1) DO UPDATE SET date_stored = excluded.date_stored RETURNING blobs.id, blobs.sha256;

-- blobs.sum_sizes
/* blobs.sum_sizes */ SELECT coalesce(sum(blobs.size), $1::INTEGER) AS coalesce_1 
FROM blobs 
WHERE blobs.organization_id = $2::BIGINT;

-- chunks.delete
/* chunks.delete */ DELETE FROM chunks WHERE chunks.organization_id = $1::BIGINT AND chunks.sha1 = $2::VARCHAR;

-- chunks.find
/* chunks.find */ SELECT chunks.sha1, chunks.size 
FROM chunks 
WHERE chunks.organization_id = $1::BIGINT AND chunks.sha1 = any($2::VARCHAR(40)[] COLLATE "C");

-- chunks.record
/* chunks.record */ INSERT INTO chunks (organization_id, sha1, sha256, size, date_stored) SELECT $1::BIGINT AS anon_1, anon_2.sha1, anon_2.sha256, anon_2.size, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(sha1 VARCHAR(40) COLLATE "C", sha256 VARCHAR(64) COLLATE "C", size BIGINT) ON CONFLICT (organization_id, sha1) DO UPDATE SET date_stored = excluded.date_stored;

-- chunks.sum_sizes
/* chunks.sum_sizes */ SELECT coalesce(sum(chunks.size), $1::INTEGER) AS coalesce_1 
FROM chunks 
WHERE chunks.organization_id = $2::BIGINT;

-- collection.count_unused_bundles
/* collection.count_unused_bundles */ SELECT count(*) AS count_1, coalesce(sum(artifact_bundles.size), $1::INTEGER) AS coalesce_1 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.date_used < $3::TIMESTAMP WITH TIME ZONE;

-- collection.count_unused_debug_files
/* collection.count_unused_debug_files */ SELECT count(*) AS count_1, coalesce(sum(debug_files.size), $1::INTEGER) AS coalesce_1 
FROM debug_files 
WHERE debug_files.organization_id = $2::BIGINT AND debug_files.date_used < $3::TIMESTAMP WITH TIME ZONE;

-- collection.delete_assemblies
/* collection.delete_assemblies */ DELETE FROM assemblies WHERE assemblies.id = any($1::BIGINT[]) AND assemblies.date_updated < $2::TIMESTAMP WITH TIME ZONE AND (assemblies.state = $3::VARCHAR OR assemblies.state = $4::VARCHAR AND NOT (EXISTS (SELECT blobs.id 
FROM blobs 
WHERE blobs.organization_id = assemblies.organization_id AND blobs.sha1 = assemblies.checksum))) RETURNING assemblies.id;

-- collection.delete_blobs
/* collection.delete_blobs */ DELETE FROM blobs WHERE blobs.id = any($1::BIGINT[]) AND blobs.date_stored < $2::TIMESTAMP WITH TIME ZONE AND NOT (EXISTS (SELECT artifact_bundles.id 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = blobs.organization_id AND artifact_bundles.blob_id = blobs.id)) AND NOT (EXISTS (SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = blobs.organization_id AND release_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.symcache_blob_id = blobs.id)) RETURNING blobs.size;

-- collection.delete_chunks
/* collection.delete_chunks */ DELETE FROM chunks WHERE chunks.id = any($1::BIGINT[]) AND chunks.date_stored < $2::TIMESTAMP WITH TIME ZONE RETURNING chunks.size;

-- collection.delete_unused_bundles
/* collection.delete_unused_bundles */ DELETE FROM artifact_bundles WHERE artifact_bundles.organization_id = $1::BIGINT AND artifact_bundles.date_used < $2::TIMESTAMP WITH TIME ZONE AND artifact_bundles.id = any($3::BIGINT[]) RETURNING artifact_bundles.size;

-- collection.delete_unused_debug_files
/* collection.delete_unused_debug_files */ DELETE FROM debug_files WHERE debug_files.organization_id = $1::BIGINT AND debug_files.date_used < $2::TIMESTAMP WITH TIME ZONE AND debug_files.id IN (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = $1::BIGINT AND debug_files.date_used < $2::TIMESTAMP WITH TIME ZONE ORDER BY debug_files.date_used 
 LIMIT $3::INTEGER) RETURNING debug_files.size;

-- collection.examine_assemblies
/* collection.examine_assemblies */ SELECT assemblies.id, assemblies.date_updated < $1::TIMESTAMP WITH TIME ZONE AND (assemblies.state = $2::VARCHAR OR assemblies.state = $3::VARCHAR AND NOT (EXISTS (SELECT blobs.id 
FROM blobs 
WHERE blobs.organization_id = assemblies.organization_id AND blobs.sha1 = assemblies.checksum))) AS is_unused 
FROM assemblies 
WHERE assemblies.id > $4::BIGINT ORDER BY assemblies.id 
 LIMIT $5::INTEGER;

-- collection.examine_blobs
/* collection.examine_blobs */ SELECT blobs.id, blobs.size, blobs.date_stored < $1::TIMESTAMP WITH TIME ZONE AND NOT (EXISTS (SELECT artifact_bundles.id 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = blobs.organization_id AND artifact_bundles.blob_id = blobs.id)) AND NOT (EXISTS (SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = blobs.organization_id AND release_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.blob_id = blobs.id)) AND NOT (EXISTS (SELECT debug_files.id 
FROM debug_files 
WHERE debug_files.organization_id = blobs.organization_id AND debug_files.symcache_blob_id = blobs.id)) AS is_unused 
FROM blobs 
WHERE blobs.id > $2::BIGINT ORDER BY blobs.id 
 LIMIT $3::INTEGER;

-- collection.examine_chunks
/* collection.examine_chunks */ SELECT chunks.id, chunks.organization_id, chunks.sha1, chunks.size, chunks.date_stored < $1::TIMESTAMP WITH TIME ZONE AS is_old 
FROM chunks 
WHERE chunks.id > $2::BIGINT ORDER BY chunks.id 
 LIMIT $3::INTEGER;

-- collection.list_bundle_versions
/* collection.list_bundle_versions */ SELECT DISTINCT artifact_bundle_versions.version 
FROM artifact_bundle_versions 
WHERE artifact_bundle_versions.organization_id = $1::BIGINT AND artifact_bundle_versions.artifact_bundle_id = any($2::BIGINT[]);

-- collection.list_organizations
/* collection.list_organizations */ SELECT organizations.id 
FROM organizations ORDER BY organizations.id;

-- collection.list_owned_blobs
/* collection.list_owned_blobs */ SELECT DISTINCT blobs.sha1 
FROM blobs 
WHERE blobs.sha1 = any($1::VARCHAR(40)[] COLLATE "C");

-- collection.list_owned_chunks
/* collection.list_owned_chunks */ SELECT DISTINCT chunks.sha1 
FROM chunks 
WHERE chunks.sha1 = any($1::VARCHAR(40)[] COLLATE "C");

-- collection.list_unfinished_requests
/* collection.list_unfinished_requests */ SELECT assemblies.id, assemblies.organization_id, assemblies.request 
FROM assemblies 
WHERE assemblies.id > $1::BIGINT AND (assemblies.state = $2::VARCHAR OR assemblies.state = $3::VARCHAR) ORDER BY assemblies.id 
 LIMIT $4::INTEGER;

-- collection.list_unused_bundles
/* collection.list_unused_bundles */ SELECT artifact_bundles.id, artifact_bundles.size 
FROM artifact_bundles 
WHERE artifact_bundles.organization_id = $1::BIGINT AND artifact_bundles.date_used < $2::TIMESTAMP WITH TIME ZONE ORDER BY artifact_bundles.date_used 
 LIMIT $3::INTEGER;

-- commit_authors.complete
/* commit_authors.complete */ UPDATE commit_authors SET name=$1::VARCHAR WHERE commit_authors.id = $2::BIGINT;

-- commit_authors.find_by_key
/* commit_authors.find_by_key */ SELECT commit_authors.email, commit_authors.id, commit_authors.name 
FROM commit_authors 
WHERE commit_authors.organization_id = $1::BIGINT AND commit_authors.email = any($2::VARCHAR(200)[] COLLATE "C");

-- commit_authors.insert_missing
/* commit_authors.insert_missing */ INSERT INTO commit_authors (organization_id, email, name) SELECT $1::BIGINT AS anon_1, anon_2.email, anon_2.name 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(email VARCHAR(200) COLLATE "C", name VARCHAR(128) COLLATE "C") ON CONFLICT DO NOTHING;

-- commit_authors.insert_new
/* commit_authors.insert_new */ INSERT INTO commit_authors (id, organization_id, email, name) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.email, anon_1.name 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_1(id BIGINT, email VARCHAR(200) COLLATE "C", name VARCHAR(128) COLLATE "C");

-- commits.clear_heads
/* commits.clear_heads */ DELETE FROM head_commits WHERE head_commits.organization_id = $1::BIGINT AND head_commits.release_id = $2::BIGINT;

-- commits.clear_release_authors
/* commits.clear_release_authors */ DELETE FROM release_authors WHERE release_authors.organization_id = $1::BIGINT AND release_authors.release_id = $2::BIGINT;

-- commits.clear_release_commits
/* commits.clear_release_commits */ DELETE FROM release_commits WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT;

-- commits.complete
/* commits.complete */ UPDATE commits SET author_id=$1::BIGINT, message=$2::VARCHAR, timestamp=$3::TIMESTAMP WITH TIME ZONE WHERE commits.id = $4::BIGINT;

-- commits.count
/* commits.count */ UPDATE releases SET commit_count=$1::INTEGER, commit_status=$2::VARCHAR, last_commit_id=$3::BIGINT WHERE releases.organization_id = $4::BIGINT AND releases.id = $5::BIGINT;

-- commits.delete_head
/* commits.delete_head */ DELETE FROM head_commits WHERE head_commits.id = $1::BIGINT;

-- commits.find_by_key
/* commits.find_by_key */ SELECT commits.sha, commits.id, commits.author_id, commits.message, commits.timestamp 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.repository_id = $2::BIGINT AND commits.sha = any($3::VARCHAR(64)[] COLLATE "C");

-- commits.find_link_position
/* commits.find_link_position */ SELECT release_commits.position 
FROM release_commits 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.commit_id = $2::BIGINT AND release_commits.release_id = $3::BIGINT ORDER BY release_commits.position;

-- commits.find_lists_with
/* commits.find_lists_with */ SELECT release_commits.release_id, release_commits.position, CASE WHEN (head_commits.commit_status = $1::VARCHAR) THEN head_commits.previous_sha ELSE NULL END AS anon_1 
FROM commits JOIN release_commits ON release_commits.commit_id = commits.id JOIN head_commits ON head_commits.release_id = release_commits.release_id AND head_commits.repository_id = commits.repository_id JOIN releases ON releases.id = release_commits.release_id 
WHERE commits.organization_id = $2::BIGINT AND commits.repository_id = $3::BIGINT AND release_commits.organization_id = $2::BIGINT AND head_commits.organization_id = $2::BIGINT AND commits.sha = $4::VARCHAR AND head_commits.kind = $5::VARCHAR ORDER BY releases.version 
 LIMIT $6::INTEGER;

-- commits.find_newest_by_sha
/* commits.find_newest_by_sha */ SELECT commits.id 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.sha = $2::VARCHAR ORDER BY commits.id DESC 
 LIMIT $3::INTEGER;

-- commits.find_release
/* commits.find_release */ SELECT releases.id 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version = $2::VARCHAR;

-- commits.find_time
/* commits.find_time */ SELECT commits.timestamp 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.repository_id = $2::BIGINT AND commits.sha = $3::VARCHAR;

-- commits.insert_change
/* commits.insert_change */ INSERT INTO file_changes (organization_id, commit_id, path, type) SELECT $1::BIGINT AS anon_1, anon_2.commit_id, anon_2.path, anon_2.type 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(commit_id BIGINT, path VARCHAR(510) COLLATE "C", type VARCHAR(8) COLLATE "C") ON CONFLICT DO NOTHING;

-- commits.insert_head_of_list
/* commits.insert_head_of_list */ INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id, previous_sha, said, kind, commit_status, head_time) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.repository_id, anon_2.commit_id, anon_2.previous_sha, anon_2.said, anon_2.kind, anon_2.commit_status, anon_2.head_time 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, repository_id BIGINT, commit_id BIGINT, previous_sha VARCHAR(64) COLLATE "C", said BOOLEAN, kind VARCHAR(5) COLLATE "C", commit_status VARCHAR(20) COLLATE "C", head_time TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, release_id, repository_id) DO UPDATE SET commit_id = CASE WHEN head_commits.said THEN head_commits.commit_id ELSE excluded.commit_id END, kind = excluded.kind, commit_status = excluded.commit_status, known_until = NULL, head_time = CASE WHEN head_commits.said THEN head_commits.head_time ELSE excluded.head_time END;

-- commits.insert_missing
/* commits.insert_missing */ INSERT INTO commits (organization_id, sha, repository_id, author_id, message, timestamp, date_created) SELECT $1::BIGINT AS anon_1, anon_2.sha, anon_2.repository_id, anon_2.author_id, anon_2.message, anon_2.timestamp, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(sha VARCHAR(64) COLLATE "C", repository_id BIGINT, author_id BIGINT, message TEXT, timestamp TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING;

-- commits.insert_new
/* commits.insert_new */ INSERT INTO commits (id, organization_id, sha, repository_id, author_id, message, timestamp, date_created) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.sha, anon_1.repository_id, anon_1.author_id, anon_1.message, anon_1.timestamp, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_1(id BIGINT, sha VARCHAR(64) COLLATE "C", repository_id BIGINT, author_id BIGINT, message TEXT, timestamp TIMESTAMP WITH TIME ZONE);

-- commits.link
/* commits.link */ INSERT INTO release_commits (organization_id, release_id, position, commit_id) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.position, anon_2.commit_id 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, position INTEGER, commit_id BIGINT);

-- commits.link_author
/* commits.link_author */ INSERT INTO release_authors (organization_id, release_id, position, author_id) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.position, anon_2.author_id 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, position INTEGER, author_id BIGINT);

-- commits.list_defaults_by_id
/* commits.list_defaults_by_id */ SELECT repositories.name 
FROM projects JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE projects.organization_id = $1::BIGINT AND projects.id = any($2::BIGINT[]);

-- commits.list_defaults_by_slug
/* commits.list_defaults_by_slug */ SELECT repositories.name 
FROM projects JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = any($2::VARCHAR(50)[] COLLATE "C");

-- commits.list_defaults_of_release
/* commits.list_defaults_of_release */ SELECT DISTINCT repositories.name 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id JOIN repositories ON repositories.id = projects.default_repository_id 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = $2::BIGINT 
 LIMIT $3::INTEGER;

-- commits.list_heads
/* commits.list_heads */ SELECT head_commits.id, head_commits.repository_id, head_commits.commit_id, head_commits.previous_sha, head_commits.said, head_commits.kind, head_commits.commit_status, head_commits.known_until, head_commits.head_time, commits.sha, commits.timestamp, commits.author_id, repositories.name, releases.commit_status AS commit_status_1 
FROM head_commits JOIN commits ON commits.id = head_commits.commit_id JOIN repositories ON repositories.id = head_commits.repository_id JOIN releases ON releases.id = head_commits.release_id 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.release_id = $2::BIGINT ORDER BY repositories.name;

-- commits.list_heads_before
/* commits.list_heads_before */ SELECT DISTINCT commits.sha, head_commits.head_time 
FROM head_commits JOIN commits ON commits.id = head_commits.commit_id 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.kind = $3::VARCHAR AND head_commits.commit_status = $4::VARCHAR AND head_commits.head_time < $5::TIMESTAMP WITH TIME ZONE ORDER BY head_commits.head_time DESC 
 LIMIT $6::INTEGER;

-- commits.list_linked
/* commits.list_linked */ SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT ORDER BY release_commits.position;

-- commits.list_linked_elsewhere
/* commits.list_linked_elsewhere */ SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT AND commits.repository_id != $3::BIGINT ORDER BY release_commits.position;

-- commits.list_messages
/* commits.list_messages */ SELECT commits.message 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT AND release_commits.position < $3::INTEGER AND commits.message IS NOT NULL;

-- commits.list_projects_of_release
/* commits.list_projects_of_release */ SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = $2::BIGINT;

-- commits.list_ranges_waiting_for_head
/* commits.list_ranges_waiting_for_head */ SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.release_id != $3::BIGINT AND head_commits.known_until = $4::VARCHAR UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.release_id != $3::BIGINT AND head_commits.kind = $5::VARCHAR AND head_commits.previous_sha IS NULL AND head_commits.head_time >= $6::TIMESTAMP WITH TIME ZONE) AS anon_1 ORDER BY anon_1.release_id DESC 
 LIMIT $7::INTEGER;

-- commits.list_ranges_waiting_for_list
/* commits.list_ranges_waiting_for_list */ SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.release_id != $3::BIGINT AND head_commits.known_until IN (SELECT commits.sha 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $3::BIGINT AND commits.repository_id = $2::BIGINT) UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.release_id != $3::BIGINT AND head_commits.kind = $4::VARCHAR AND head_commits.head_time >= (SELECT min(coalesce(commits.timestamp, $5::TIMESTAMP WITH TIME ZONE)) AS min_1 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $3::BIGINT AND commits.repository_id = $2::BIGINT)) AS anon_1 ORDER BY anon_1.release_id DESC 
 LIMIT $6::INTEGER;

-- commits.list_ranges_waiting_for_new_list
/* commits.list_ranges_waiting_for_new_list */ SELECT anon_1.release_id 
FROM (SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.known_until = any($3::VARCHAR(64)[] COLLATE "C") UNION SELECT head_commits.release_id AS release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.repository_id = $2::BIGINT AND head_commits.kind = $4::VARCHAR AND head_commits.head_time >= $5::TIMESTAMP WITH TIME ZONE) AS anon_1 ORDER BY anon_1.release_id DESC 
 LIMIT $6::INTEGER;

-- commits.list_releases_of_heads
/* commits.list_releases_of_heads */ SELECT head_commits.commit_id, head_commits.release_id 
FROM head_commits 
WHERE head_commits.organization_id = $1::BIGINT AND head_commits.commit_id = any($2::BIGINT[]) AND head_commits.release_id != $3::BIGINT;

-- commits.list_releases_of_projects
/* commits.list_releases_of_projects */ SELECT DISTINCT release_projects.release_id 
FROM release_projects 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = any($2::BIGINT[]) AND release_projects.project_id = any($3::BIGINT[]);

-- commits.list_rest_of_list
/* commits.list_rest_of_list */ SELECT commits.id, commits.repository_id, commits.author_id, commits.timestamp, commits.sha 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT AND commits.repository_id = $3::BIGINT AND release_commits.position >= $4::BIGINT ORDER BY release_commits.position 
 LIMIT $5::INTEGER;

-- commits.lock_lists
/* commits.lock_lists */ SELECT repositories.id 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.id = $2::BIGINT FOR SHARE;

-- commits.lock_ranges
/* commits.lock_ranges */ SELECT repositories.id 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.id = $2::BIGINT FOR NO KEY UPDATE;

-- commits.lock_release
/* commits.lock_release */ SELECT releases.id 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.id = $2::BIGINT FOR NO KEY UPDATE NOWAIT;

-- commits.look_up
/* commits.look_up */ SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = $1::BIGINT AND commit_authors.email = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.sha = any($4::VARCHAR(64)[] COLLATE "C");

-- commits.look_up_ids
/* commits.look_up_ids */ SELECT commits.sha, commits.id 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.repository_id = $2::BIGINT AND commits.sha = any($3::VARCHAR(64)[] COLLATE "C");

-- commits.mark_origin_ambiguous
/* commits.mark_origin_ambiguous */ UPDATE releases SET commit_status=$1::VARCHAR WHERE releases.organization_id = $2::BIGINT AND releases.id = any($3::BIGINT[]) AND (SELECT count(DISTINCT projects.default_repository_id) AS count_1 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id 
WHERE release_projects.organization_id = $2::BIGINT AND release_projects.release_id = releases.id) > $4::INTEGER;

-- commits.set_head
/* commits.set_head */ INSERT INTO head_commits (organization_id, release_id, repository_id, commit_id, previous_sha, said, kind, commit_status) VALUES ($1::BIGINT, $2::BIGINT, $3::BIGINT, $4::BIGINT, $5::VARCHAR, $6::BOOLEAN, $7::VARCHAR, $8::VARCHAR) ON CONFLICT (organization_id, release_id, repository_id) DO UPDATE SET commit_id = excluded.commit_id, previous_sha = excluded.previous_sha, said = excluded.said, kind = CASE WHEN (head_commits.kind = $9::VARCHAR OR head_commits.commit_id IS NOT DISTINCT FROM excluded.commit_id AND head_commits.previous_sha IS NOT DISTINCT FROM excluded.previous_sha AND head_commits.said IS NOT DISTINCT FROM excluded.said) THEN head_commits.kind ELSE excluded.kind END RETURNING head_commits.id;

-- commits.update_head
/* commits.update_head */ UPDATE head_commits SET kind=$1::VARCHAR, commit_status=$2::VARCHAR, known_until=$3::VARCHAR, head_time=$4::TIMESTAMP WITH TIME ZONE WHERE head_commits.id = $5::BIGINT;

-- commits.update_status
/* commits.update_status */ UPDATE releases SET commit_status=$1::VARCHAR WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT;

-- database.find_revision
/* database.find_revision */ SELECT version_num 
FROM alembic_version;

-- database.find_unfinished_copy
/* database.find_unfinished_copy */ SELECT oid 
FROM pg_class 
WHERE oid = to_regclass('copying');

-- debug_files.delete
/* debug_files.delete */ DELETE FROM debug_files WHERE debug_files.organization_id = $1::BIGINT AND debug_files.id = $2::BIGINT RETURNING debug_files.project_id, debug_files.debug_id, debug_files.format, debug_files.sha1;

-- debug_files.delete_of_project
/* debug_files.delete_of_project */ DELETE FROM debug_files WHERE debug_files.organization_id = $1::BIGINT AND debug_files.project_id = $2::BIGINT AND debug_files.id = $3::BIGINT RETURNING debug_files.project_id, debug_files.debug_id, debug_files.format, debug_files.sha1;

-- debug_files.find_by_checksums
/* debug_files.find_by_checksums */ SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > $1::TIMESTAMP WITH TIME ZONE AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = $2::BIGINT AND debug_files.project_id = $3::BIGINT AND debug_files.sha1 = any($4::VARCHAR(40)[] COLLATE "C") ORDER BY debug_files.id DESC;

-- debug_files.find_by_code_ids
/* debug_files.find_by_code_ids */ SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > $1::TIMESTAMP WITH TIME ZONE AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = $2::BIGINT AND debug_files.project_id = $3::BIGINT AND debug_files.code_id = any($4::VARCHAR(64)[] COLLATE "C") ORDER BY debug_files.id DESC;

-- debug_files.find_by_debug_ids
/* debug_files.find_by_debug_ids */ SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > $1::TIMESTAMP WITH TIME ZONE AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = $2::BIGINT AND debug_files.project_id = $3::BIGINT AND debug_files.debug_id = any($4::VARCHAR(45)[] COLLATE "C") ORDER BY debug_files.id DESC;

-- debug_files.find_by_id
/* debug_files.find_by_id */ SELECT debug_files.id, debug_files.project_id, debug_files.debug_id, debug_files.code_id, debug_files.object_name, debug_files.format, debug_files.kind, debug_files.features, debug_files.sha1, debug_files.size, debug_files.date_used > $1::TIMESTAMP WITH TIME ZONE AS is_used, symcaches.sha1 AS symcache_sha1 
FROM debug_files LEFT OUTER JOIN blobs AS symcaches ON symcaches.organization_id = debug_files.organization_id AND symcaches.id = debug_files.symcache_blob_id 
WHERE debug_files.organization_id = $2::BIGINT AND debug_files.project_id = $3::BIGINT AND debug_files.id = $4::BIGINT ORDER BY debug_files.id DESC;

-- debug_files.find_mappings
/* debug_files.find_mappings */ SELECT debug_files.id, debug_files.format, debug_files.features, debug_files.proguard_releases 
FROM debug_files 
WHERE debug_files.organization_id = $1::BIGINT AND debug_files.project_id = $2::BIGINT AND debug_files.debug_id = $3::VARCHAR AND debug_files.format = $4::VARCHAR ORDER BY debug_files.id FOR UPDATE;

-- debug_files.insert
/* debug_files.insert */ INSERT INTO debug_files (organization_id, project_id, debug_id, code_id, object_name, cpu_name, format, kind, features, proguard_releases, blob_id, size, sha1, date_created, date_used) VALUES ($1::BIGINT, $2::BIGINT, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::VARCHAR, $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, $11::BIGINT, $12::BIGINT, $13::VARCHAR, $14::TIMESTAMP WITH TIME ZONE, $15::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING debug_files.id;

-- debug_files.list_of_debug_id
/* debug_files.list_of_debug_id */ SELECT debug_files.id, debug_files.format, debug_files.features, debug_files.proguard_releases 
FROM debug_files 
WHERE debug_files.organization_id = $1::BIGINT AND debug_files.project_id = $2::BIGINT AND debug_files.debug_id = $3::VARCHAR ORDER BY debug_files.id;

-- debug_files.note_use
/* debug_files.note_use */ UPDATE debug_files SET date_used=$1::TIMESTAMP WITH TIME ZONE WHERE debug_files.organization_id = $2::BIGINT AND debug_files.id = $3::BIGINT;

-- debug_files.set_proguard_releases
/* debug_files.set_proguard_releases */ UPDATE debug_files SET proguard_releases=$1::VARCHAR WHERE debug_files.organization_id = $2::BIGINT AND debug_files.id = $3::BIGINT;

-- debug_files.set_symcache
/* debug_files.set_symcache */ UPDATE debug_files SET symcache_blob_id=$1::BIGINT WHERE debug_files.organization_id = $2::BIGINT AND debug_files.id = $3::BIGINT;

-- deploys.count
/* deploys.count */ UPDATE releases SET deploy_count=(releases.deploy_count + $1::INTEGER), last_deploy_id=$2::BIGINT WHERE releases.id = $3::BIGINT;

-- deploys.find_by_external_id
/* deploys.find_by_external_id */ SELECT deploys.id, deploys.environment_id, deploys.previous_release_id, deploys.name, deploys.url, deploys.date_started, deploys.date_finished, deploys.finish_order, deploys.status, deploys.comment, deploys.links 
FROM deploys 
WHERE deploys.organization_id = $1::BIGINT AND deploys.id IN (SELECT deploy_projects.deploy_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = $1::BIGINT AND deploy_projects.project_id = (SELECT projects.id 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = $2::VARCHAR) AND deploy_projects.external_id = $3::VARCHAR);

-- deploys.find_by_id
/* deploys.find_by_id */ SELECT deploys.id, deploys.environment_id, deploys.previous_release_id, deploys.name, deploys.url, deploys.date_started, deploys.date_finished, deploys.finish_order, deploys.status, deploys.comment, deploys.links 
FROM deploys 
WHERE deploys.organization_id = $1::BIGINT AND deploys.id = $2::BIGINT;

-- deploys.find_existing
/* deploys.find_existing */ SELECT deploys.id, deploys.release_id, deploys.environment_id 
FROM unnest($1::BIGINT[]) AS anon_1(value) JOIN deploy_projects ON deploy_projects.organization_id = $2::BIGINT AND deploy_projects.project_id = anon_1.value AND deploy_projects.external_id = $3::VARCHAR JOIN deploys ON deploys.id = deploy_projects.deploy_id 
 LIMIT $4::INTEGER;

-- deploys.insert
/* deploys.insert */ INSERT INTO deploys (organization_id, release_id, environment_id, name, url, date_started, date_finished, finish_order, date_created, status, external_id, comment, links, previous_release_id) VALUES ($1::BIGINT, $2::BIGINT, $3::BIGINT, $4::VARCHAR, $5::VARCHAR, $6::TIMESTAMP WITH TIME ZONE, $7::TIMESTAMP WITH TIME ZONE, $8::TIMESTAMP WITH TIME ZONE, $9::TIMESTAMP WITH TIME ZONE, $10::VARCHAR, $11::VARCHAR, $12::VARCHAR, $13::VARCHAR, $14::BIGINT) RETURNING deploys.id;

-- deploys.link_projects
/* deploys.link_projects */ INSERT INTO deploy_projects (organization_id, deploy_id, project_id, external_id) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, anon_3.project_id, anon_3.external_id 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_3(project_id BIGINT, external_id VARCHAR(64) COLLATE "C");

-- deploys.list_projects_of
/* deploys.list_projects_of */ SELECT deploy_projects.project_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = $1::BIGINT AND deploy_projects.deploy_id = $2::BIGINT;

-- deploys.list_projects_of_release
/* deploys.list_projects_of_release */ SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = $2::BIGINT ORDER BY release_projects.project_id;

-- deploys.update
/* deploys.update */ UPDATE deploys SET name=$1::VARCHAR, url=$2::VARCHAR, date_started=$3::TIMESTAMP WITH TIME ZONE, date_finished=$4::TIMESTAMP WITH TIME ZONE, finish_order=$5::TIMESTAMP WITH TIME ZONE, status=$6::VARCHAR, comment=$7::VARCHAR, links=$8::VARCHAR, previous_release_id=$9::BIGINT WHERE deploys.id = $10::BIGINT;

-- environments.clear_current
/* environments.clear_current */ DELETE FROM current_deploys WHERE current_deploys.organization_id = $1::BIGINT AND current_deploys.environment_id = $2::BIGINT AND current_deploys.project_id = $3::BIGINT;

-- environments.complete
/* environments.complete */ UPDATE environments SET  WHERE environments.id = $1::BIGINT;

-- environments.delete_current_of_release
/* environments.delete_current_of_release */ UPDATE deploys SET previous_release_id=$1::BIGINT WHERE deploys.organization_id = $2::BIGINT AND deploys.previous_release_id = $3::BIGINT;

-- environments.find_by_key
/* environments.find_by_key */ SELECT environments.name, environments.id 
FROM environments 
WHERE environments.organization_id = $1::BIGINT AND environments.name = any($2::VARCHAR(64)[] COLLATE "C");

-- environments.find_release_before
/* environments.find_release_before */ SELECT current_deploys.release_id 
FROM current_deploys JOIN deploys ON deploys.id = current_deploys.deploy_id 
WHERE current_deploys.organization_id = $1::BIGINT AND current_deploys.environment_id = $2::BIGINT AND current_deploys.project_id = any($3::BIGINT[]) ORDER BY deploys.finish_order DESC, deploys.id DESC 
 LIMIT $4::INTEGER;

-- environments.find_running_release
/* environments.find_running_release */ SELECT current_deploys.environment_id, current_deploys.project_id 
FROM current_deploys 
WHERE current_deploys.organization_id = $1::BIGINT AND current_deploys.release_id = $2::BIGINT;

-- environments.insert_missing
/* environments.insert_missing */ INSERT INTO environments (organization_id, name, date_created) SELECT $1::BIGINT AS anon_1, anon_2.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(name VARCHAR(64) COLLATE "C") ON CONFLICT DO NOTHING;

-- environments.insert_new
/* environments.insert_new */ INSERT INTO environments (id, organization_id, name, date_created) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_1(id BIGINT, name VARCHAR(64) COLLATE "C");

-- environments.newest_deploy
/* environments.newest_deploy */ SELECT deploys.id, deploys.release_id 
FROM deploys 
WHERE deploys.organization_id = $1::BIGINT AND deploys.environment_id = $2::BIGINT AND deploys.status = $3::VARCHAR AND (EXISTS (SELECT deploy_projects.deploy_id 
FROM deploy_projects 
WHERE deploy_projects.organization_id = $1::BIGINT AND deploy_projects.project_id = $4::BIGINT AND deploy_projects.deploy_id = deploys.id)) ORDER BY deploys.finish_order DESC, deploys.id DESC 
 LIMIT $5::INTEGER;

-- environments.upsert_current
/* environments.upsert_current */ INSERT INTO current_deploys (organization_id, environment_id, project_id, deploy_id, release_id) VALUES ($1::BIGINT, $2::BIGINT, $3::BIGINT, $4::BIGINT, $5::BIGINT) ON CONFLICT (organization_id, environment_id, project_id) DO UPDATE SET deploy_id = excluded.deploy_id, release_id = excluded.release_id RETURNING current_deploys.id;

-- event_hours.delete_of_release
/* event_hours.delete_of_release */ DELETE FROM event_hours WHERE event_hours.organization_id = $1::BIGINT AND event_hours.release_id = $2::BIGINT;

-- events.count_hour
/* events.count_hour */ INSERT INTO event_hours (organization_id, project_id, hour, release_id, environment_id, events) SELECT $1::BIGINT AS anon_1, anon_2.project_id, anon_2.hour, anon_2.release_id, anon_2.environment_id, anon_2.events 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, hour INTEGER, release_id BIGINT, environment_id BIGINT, events BIGINT) ON CONFLICT (organization_id, project_id, hour, release_id, environment_id) DO UPDATE SET events = (event_hours.events + excluded.events);

-- events.count_ingest_hour
/* events.count_ingest_hour */ INSERT INTO ingest_hours (organization_id, project_id, hour, events, releases, environments, issues, bytes) SELECT $1::BIGINT AS anon_1, anon_2.project_id, anon_2.hour, anon_2.events, anon_2.releases, anon_2.environments, anon_2.issues, anon_2.bytes 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, hour INTEGER, events BIGINT, releases INTEGER, environments INTEGER, issues INTEGER, bytes BIGINT) ON CONFLICT (organization_id, project_id, hour) DO UPDATE SET events = (ingest_hours.events + excluded.events), releases = (ingest_hours.releases + excluded.releases), environments = (ingest_hours.environments + excluded.environments), issues = (ingest_hours.issues + excluded.issues), bytes = (ingest_hours.bytes + excluded.bytes);

-- events.delete_of_issues
/* events.delete_of_issues */ DELETE FROM events WHERE events.organization_id = $1::BIGINT AND events.issue_id = any($2::BIGINT[]);

-- events.find_deleted_releases
/* events.find_deleted_releases */ SELECT deleted_releases.version 
FROM deleted_releases 
WHERE deleted_releases.organization_id = $1::BIGINT AND deleted_releases.version = any($2::VARCHAR(200)[] COLLATE "C") AND deleted_releases.date_deleted > $3::TIMESTAMP WITH TIME ZONE;

-- events.find_first_shipped
/* events.find_first_shipped */ SELECT min(releases.shipping_date) AS min_1 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.package = $2::VARCHAR AND releases.semver_key > $3::VARCHAR;

-- events.find_new_counts
/* events.find_new_counts */ SELECT ingest_hours.project_id, ingest_hours.hour, ingest_hours.releases, ingest_hours.environments, ingest_hours.issues 
FROM ingest_hours 
WHERE ingest_hours.organization_id = $1::BIGINT AND ingest_hours.project_id = any($2::BIGINT[]) AND ingest_hours.hour = any($3::INTEGER[]);

-- events.forget_user
/* events.forget_user */ UPDATE events SET user_hash=NULL WHERE events.organization_id = $1::BIGINT AND events.issue_id IN (SELECT issue_users.issue_id 
FROM issue_users 
WHERE issue_users.organization_id = $1::BIGINT AND issue_users.user_hash = $2::VARCHAR) AND events.user_hash = $2::VARCHAR;

-- events.insert
/* events.insert */ INSERT INTO events (organization_id, project_id, event_id, day, issue_id, release_id, environment_id, timestamp, received, dist, level, platform, handled, title, user_hash, sdk_name, sdk_version, body) SELECT $1::BIGINT AS anon_1, anon_2.project_id, anon_2.event_id, anon_2.day, anon_2.issue_id, anon_2.release_id, anon_2.environment_id, anon_2.timestamp, anon_2.received, anon_2.dist, anon_2.level, anon_2.platform, anon_2.handled, anon_2.title, anon_2.user_hash, anon_2.sdk_name, anon_2.sdk_version, decode(anon_2.body, 'base64') AS decode_1 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, event_id VARCHAR(32) COLLATE "C", day INTEGER, issue_id BIGINT, release_id BIGINT, environment_id BIGINT, timestamp TIMESTAMP WITH TIME ZONE, received TIMESTAMP WITH TIME ZONE, dist VARCHAR(64) COLLATE "C", level VARCHAR(8) COLLATE "C", platform VARCHAR(64) COLLATE "C", handled BOOLEAN, title TEXT, user_hash VARCHAR(32) COLLATE "C", sdk_name VARCHAR(64) COLLATE "C", sdk_version VARCHAR(64) COLLATE "C", body TEXT) ON CONFLICT DO NOTHING;

-- events.insert_release
/* events.insert_release */ INSERT INTO releases (organization_id, version, ref, url, status, user_agent, notes, metadata_json, folded_version, date_created, date_released, release_order, shipping_date, origin, commit_count, commit_status, deploy_count, package, raw, major, minor, patch, pre, build_code, components, description, build_hash, semver_key, build_number) SELECT $1::BIGINT AS anon_1, anon_2.version, anon_2.ref, anon_2.url, anon_2.status, anon_2.user_agent, anon_2.notes, anon_2.metadata_json, anon_2.folded_version, anon_2.date_created, anon_2.date_released, anon_2.release_order, anon_2.shipping_date, anon_2.origin, anon_2.commit_count, anon_2.commit_status, anon_2.deploy_count, anon_2.package, anon_2.raw, anon_2.major, anon_2.minor, anon_2.patch, anon_2.pre, anon_2.build_code, anon_2.components, anon_2.description, anon_2.build_hash, anon_2.semver_key, anon_2.build_number 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(version VARCHAR(200) COLLATE "C", ref VARCHAR(200) COLLATE "C", url VARCHAR(200) COLLATE "C", status VARCHAR(8) COLLATE "C", user_agent VARCHAR(256) COLLATE "C", notes TEXT, metadata_json TEXT, folded_version TEXT, date_created TIMESTAMP WITH TIME ZONE, date_released TIMESTAMP WITH TIME ZONE, release_order TIMESTAMP WITH TIME ZONE, shipping_date TIMESTAMP WITH TIME ZONE, origin VARCHAR(6) COLLATE "C", commit_count INTEGER, commit_status VARCHAR(20) COLLATE "C", deploy_count INTEGER, package VARCHAR(200) COLLATE "C", raw VARCHAR(200) COLLATE "C", major VARCHAR(20) COLLATE "C", minor VARCHAR(20) COLLATE "C", patch VARCHAR(20) COLLATE "C", pre VARCHAR(200) COLLATE "C", build_code VARCHAR(200) COLLATE "C", components INTEGER, description VARCHAR(250) COLLATE "C", build_hash VARCHAR(64) COLLATE "C", semver_key VARCHAR(400) COLLATE "C", build_number BIGINT) ON CONFLICT DO NOTHING;

-- events.link_release
/* events.link_release */ INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.project_id, anon_2.date_created, anon_2.release_order, anon_2.date_shown, anon_2.semver_key, anon_2.build_number 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, project_id BIGINT, date_created TIMESTAMP WITH TIME ZONE, release_order TIMESTAMP WITH TIME ZONE, date_shown TIMESTAMP WITH TIME ZONE, semver_key VARCHAR(400) COLLATE "C", build_number BIGINT) ON CONFLICT DO NOTHING;

-- events.look_up_batch
/* events.look_up_batch */ SELECT 'release' AS kind, releases.version AS name, releases.id AS id, release_projects.project_id AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, releases.shipping_date AS date 
FROM releases LEFT OUTER JOIN release_projects ON release_projects.organization_id = releases.organization_id AND release_projects.release_id = releases.id AND release_projects.project_id = any($1::BIGINT[]) 
WHERE releases.organization_id = $2::BIGINT AND releases.version = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'environment' AS kind, environments.name AS name, environments.id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS date 
FROM environments 
WHERE environments.organization_id = $2::BIGINT AND environments.name = any($4::VARCHAR(64)[] COLLATE "C") UNION ALL SELECT 'hour' AS kind, CAST(NULL AS TEXT) AS name, ingest_hours.project_id AS id, ingest_hours.hour AS other, ingest_hours.events AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS date 
FROM ingest_hours 
WHERE ingest_hours.organization_id = $2::BIGINT AND ingest_hours.project_id = any($1::BIGINT[]) AND ingest_hours.hour = any($5::INTEGER[]) UNION ALL SELECT 'event' AS kind, events.event_id AS name, events.project_id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS date 
FROM events 
WHERE events.organization_id = $2::BIGINT AND events.project_id = any($1::BIGINT[]) AND events.event_id = any($6::VARCHAR(32)[] COLLATE "C") AND events.day >= $7::INTEGER AND events.day <= $8::INTEGER UNION ALL SELECT 'issue' AS kind, issue_hashes.hash AS name, issue_hashes.issue_id AS id, issue_hashes.project_id AS other, issues.introduced_in_id AS number, issues.last_release_id AS last, issues.status AS status, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS date 
FROM issue_hashes JOIN issues ON issues.id = issue_hashes.issue_id 
WHERE issue_hashes.organization_id = $2::BIGINT AND issue_hashes.project_id = any($1::BIGINT[]) AND issue_hashes.algorithm = $9::VARCHAR AND issue_hashes.hash = any($10::VARCHAR(32)[] COLLATE "C");

-- events.look_up_references
/* events.look_up_references */ SELECT 'release' AS kind, releases.version AS name, releases.id AS id, release_projects.project_id AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, releases.shipping_date AS date 
FROM releases LEFT OUTER JOIN release_projects ON release_projects.organization_id = releases.organization_id AND release_projects.release_id = releases.id AND release_projects.project_id = any($1::BIGINT[]) 
WHERE releases.organization_id = $2::BIGINT AND releases.version = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'environment' AS kind, environments.name AS name, environments.id AS id, CAST(NULL AS BIGINT) AS other, CAST(NULL AS BIGINT) AS number, CAST(NULL AS BIGINT) AS last, CAST(NULL AS TEXT) AS status, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS date 
FROM environments 
WHERE environments.organization_id = $2::BIGINT AND environments.name = any($4::VARCHAR(64)[] COLLATE "C");

-- events.move
/* events.move */ UPDATE events SET issue_id=$1::BIGINT WHERE events.organization_id = $2::BIGINT AND events.issue_id = any($3::BIGINT[]);

-- files.delete_totals
/* files.delete_totals */ DELETE FROM version_artifacts WHERE version_artifacts.organization_id = $1::BIGINT AND version_artifacts.version = $2::VARCHAR;

-- files.find_any
/* files.find_any */ SELECT $1::INTEGER AS number 
WHERE (EXISTS (SELECT * 
FROM artifact_bundle_projects 
WHERE artifact_bundle_projects.organization_id = $2::BIGINT AND artifact_bundle_projects.project_id = $3::BIGINT)) OR (EXISTS (SELECT * 
FROM releases, release_files 
WHERE releases.organization_id = $2::BIGINT AND releases.version = $4::VARCHAR AND release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id));

-- files.insert_totals
/* files.insert_totals */ INSERT INTO version_artifacts (organization_id, version, total, with_debug_ids, last_uploaded) SELECT $1::BIGINT AS anon_1, $2::VARCHAR AS anon_2, sum(anon_3.total) AS sum_1, sum(anon_3.with_debug_ids) AS sum_2, max(anon_3.uploaded) AS max_1 
FROM (SELECT artifact_bundles.file_count AS total, (SELECT count(*) AS count_1 
FROM artifact_files 
WHERE artifact_files.organization_id = artifact_bundles.organization_id AND artifact_files.artifact_bundle_id = artifact_bundles.id AND artifact_files.debug_id IS NOT NULL) AS with_debug_ids, artifact_bundles.date_modified AS uploaded 
FROM artifact_bundle_versions JOIN artifact_bundles ON artifact_bundles.organization_id = artifact_bundle_versions.organization_id AND artifact_bundles.id = artifact_bundle_versions.artifact_bundle_id 
WHERE artifact_bundle_versions.organization_id = $1::BIGINT AND artifact_bundle_versions.version = $2::VARCHAR UNION ALL SELECT $3::INTEGER AS anon_4, $4::INTEGER AS anon_5, release_files.date_created AS date_created 
FROM releases JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id 
WHERE releases.organization_id = $1::BIGINT AND releases.version = $2::VARCHAR) AS anon_3 
HAVING max(anon_3.uploaded) IS NOT NULL;

-- issue_hashes.move
/* issue_hashes.move */ UPDATE issue_hashes SET issue_id=$1::BIGINT WHERE issue_hashes.organization_id = $2::BIGINT AND issue_hashes.issue_id = any($3::BIGINT[]);

-- issue_releases.delete_of_release
/* issue_releases.delete_of_release */ DELETE FROM issue_releases WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.release_id = $2::BIGINT;

-- issue_releases.merge
/* issue_releases.merge */ INSERT INTO issue_releases (organization_id, issue_id, release_id, environment_id, first_seen, last_seen, times) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, issue_releases.release_id, issue_releases.environment_id, min(issue_releases.first_seen) AS min_1, max(issue_releases.last_seen) AS max_1, CAST(sum(issue_releases.times) AS BIGINT) AS sum_1 
FROM issue_releases 
WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.issue_id = any($3::BIGINT[]) GROUP BY issue_releases.release_id, issue_releases.environment_id ON CONFLICT (organization_id, issue_id, release_id, environment_id) DO UPDATE SET first_seen = CASE WHEN (excluded.first_seen < issue_releases.first_seen) THEN excluded.first_seen ELSE issue_releases.first_seen END, last_seen = CASE WHEN (excluded.last_seen > issue_releases.last_seen) THEN excluded.last_seen ELSE issue_releases.last_seen END, times = (issue_releases.times + excluded.times);

-- issue_users.count
/* issue_users.count */ SELECT count(*) AS count_1 
FROM issue_users 
WHERE issue_users.organization_id = $1::BIGINT AND issue_users.issue_id = $2::BIGINT;

-- issue_users.forget_user
/* issue_users.forget_user */ DELETE FROM issue_users WHERE issue_users.organization_id = $1::BIGINT AND issue_users.user_hash = $2::VARCHAR;

-- issue_users.merge
/* issue_users.merge */ INSERT INTO issue_users (organization_id, issue_id, user_hash) SELECT DISTINCT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, issue_users.user_hash 
FROM issue_users 
WHERE issue_users.organization_id = $1::BIGINT AND issue_users.issue_id = any($3::BIGINT[]) ON CONFLICT DO NOTHING;

-- issues.count
/* issues.count */ UPDATE issues SET times=(issues.times + anon_1.more_times), users=(issues.users + anon_1.more_users), first_seen=CASE WHEN (issues.first_seen > anon_1.first) THEN anon_1.first ELSE issues.first_seen END, last_seen=CASE WHEN (issues.last_seen < anon_1.last) THEN anon_1.last ELSE issues.last_seen END FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(id BIGINT, more_times BIGINT, more_users BIGINT, first TIMESTAMP WITH TIME ZONE, last TIMESTAMP WITH TIME ZONE) WHERE issues.organization_id = $2::BIGINT AND issues.id = anon_1.id;

-- issues.count_and_place
/* issues.count_and_place */ UPDATE issues SET times=(issues.times + anon_1.more_times), users=(issues.users + anon_1.more_users), first_seen=CASE WHEN (issues.first_seen > anon_1.first) THEN anon_1.first ELSE issues.first_seen END, last_seen=CASE WHEN (issues.last_seen < anon_1.last) THEN anon_1.last ELSE issues.last_seen END, introduced_in_id=CASE WHEN (issues.introduced_in_id = anon_1.first_release) THEN issues.introduced_in_id ELSE (SELECT releases.id 
FROM releases 
WHERE releases.id IN (issues.introduced_in_id, anon_1.first_release) ORDER BY releases.shipping_date, releases.id 
 LIMIT $1::INTEGER) END, last_release_id=CASE WHEN (issues.last_release_id = anon_1.last_release) THEN issues.last_release_id ELSE (SELECT releases.id 
FROM releases 
WHERE releases.id IN (issues.last_release_id, anon_1.last_release) ORDER BY releases.shipping_date DESC, releases.id DESC 
 LIMIT $2::INTEGER) END FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_1(id BIGINT, more_times BIGINT, more_users BIGINT, first TIMESTAMP WITH TIME ZONE, last TIMESTAMP WITH TIME ZONE, first_release BIGINT, last_release BIGINT) WHERE issues.organization_id = $4::BIGINT AND issues.id = anon_1.id;

-- issues.count_of_user
/* issues.count_of_user */ SELECT count(*) AS count_1 
FROM issue_users 
WHERE issue_users.organization_id = $1::BIGINT AND issue_users.user_hash = $2::VARCHAR;

-- issues.count_release
/* issues.count_release */ INSERT INTO issue_releases (organization_id, issue_id, release_id, environment_id, first_seen, last_seen, times) SELECT $1::BIGINT AS anon_1, anon_2.issue_id, anon_2.release_id, anon_2.environment_id, anon_2.first_seen, anon_2.last_seen, anon_2.times 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(issue_id BIGINT, release_id BIGINT, environment_id BIGINT, first_seen TIMESTAMP WITH TIME ZONE, last_seen TIMESTAMP WITH TIME ZONE, times BIGINT) ON CONFLICT (organization_id, issue_id, release_id, environment_id) DO UPDATE SET first_seen = CASE WHEN (excluded.first_seen < issue_releases.first_seen) THEN excluded.first_seen ELSE issue_releases.first_seen END, last_seen = CASE WHEN (excluded.last_seen > issue_releases.last_seen) THEN excluded.last_seen ELSE issue_releases.last_seen END, times = (issue_releases.times + excluded.times);

-- issues.delete
/* issues.delete */ DELETE FROM issues WHERE issues.organization_id = $1::BIGINT AND issues.id = any($2::BIGINT[]);

-- issues.find_any
/* issues.find_any */ SELECT issues.id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT 
 LIMIT $2::INTEGER;

-- issues.find_by_id
/* issues.find_by_id */ SELECT issues.id, issues.project_id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.id = $2::BIGINT;

-- issues.find_by_short_id
/* issues.find_by_short_id */ SELECT issues.id, issues.project_id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.short_id = $2::VARCHAR;

-- issues.find_by_site
/* issues.find_by_site */ SELECT issues.project_id, issues.site, min(issues.id) AS min_1 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.project_id = any($2::BIGINT[]) AND issues.site = any($3::VARCHAR(32)[] COLLATE "C") GROUP BY issues.project_id, issues.site;

-- issues.find_resolutions
/* issues.find_resolutions */ SELECT issues.id, issues.resolved_in, issues.resolved_release_id, issues.resolved_package, issues.resolved_semver_key, issues.resolved_shipping_date, releases.shipping_date AS release_date, releases.date_released, releases.deploy_count 
FROM issues LEFT OUTER JOIN releases ON releases.organization_id = issues.organization_id AND releases.id = issues.resolved_release_id 
WHERE issues.organization_id = $1::BIGINT AND issues.id = any($2::BIGINT[]);

-- issues.find_short_ids
/* issues.find_short_ids */ SELECT issues.short_id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.short_id = any($2::VARCHAR(64)[] COLLATE "C");

-- issues.insert
/* issues.insert */ INSERT INTO issues (id, organization_id, project_id, short_id, title, culprit, type, level, platform, handled, status, times, users, first_seen, last_seen, date_created, first_release_id, new_path_of_id, site, grouping_step, grouping_key, grouping_algorithm, suspect_status) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.project_id, anon_1.short_id, anon_1.title, anon_1.culprit, anon_1.type, anon_1.level, anon_1.platform, anon_1.handled, anon_1.status, anon_1.times, anon_1.users, anon_1.first_seen, anon_1.last_seen, anon_1.date_created, anon_1.first_release_id, anon_1.new_path_of_id, anon_1.site, anon_1.grouping_step, anon_1.grouping_key, anon_1.grouping_algorithm, anon_1.suspect_status 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_1(id BIGINT, project_id BIGINT, short_id VARCHAR(64) COLLATE "C", title TEXT, culprit TEXT, type TEXT, level VARCHAR(8) COLLATE "C", platform VARCHAR(64) COLLATE "C", handled BOOLEAN, status VARCHAR(12) COLLATE "C", times BIGINT, users BIGINT, first_seen TIMESTAMP WITH TIME ZONE, last_seen TIMESTAMP WITH TIME ZONE, date_created TIMESTAMP WITH TIME ZONE, first_release_id BIGINT, new_path_of_id BIGINT, site VARCHAR(32) COLLATE "C", grouping_step VARCHAR(12) COLLATE "C", grouping_key TEXT, grouping_algorithm VARCHAR(16) COLLATE "C", suspect_status VARCHAR(12) COLLATE "C");

-- issues.insert_hash
/* issues.insert_hash */ INSERT INTO issue_hashes (organization_id, project_id, algorithm, hash, issue_id) SELECT $1::BIGINT AS anon_1, anon_2.project_id, $2::VARCHAR AS anon_3, anon_2.hash, anon_2.issue_id 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, hash VARCHAR(32) COLLATE "C", issue_id BIGINT) ON CONFLICT DO NOTHING;

-- issues.insert_user
/* issues.insert_user */ INSERT INTO issue_users (organization_id, issue_id, user_hash) SELECT $1::BIGINT AS anon_1, anon_2.issue_id, anon_2.user_hash 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(issue_id BIGINT, user_hash VARCHAR(32) COLLATE "C") ON CONFLICT DO NOTHING RETURNING issue_users.issue_id;

-- issues.keep_resolutions
/* issues.keep_resolutions */ UPDATE issues SET resolved_release_id=NULL, resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $1::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT) WHERE issues.organization_id = $2::BIGINT AND issues.resolved_release_id = $3::BIGINT;

-- issues.list_first_places
/* issues.list_first_places */ SELECT issues.id, issues.project_id, issues.first_release_id AS release_id, (SELECT issue_releases.environment_id 
FROM issue_releases JOIN release_events ON release_events.organization_id = issue_releases.organization_id AND release_events.release_id = issue_releases.release_id AND release_events.project_id = issues.project_id AND release_events.environment_id = issue_releases.environment_id 
WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.issue_id = issues.id AND issue_releases.release_id = issues.first_release_id AND release_events.new_issues > $2::INTEGER ORDER BY issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $3::INTEGER) AS environment_id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.id = any($4::BIGINT[]);

-- issues.list_next_releases
/* issues.list_next_releases */ SELECT issues.id, issues.project_id, (SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != $1::BIGINT ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $2::INTEGER) AS release_id, (SELECT issue_releases.environment_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != $1::BIGINT ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $3::INTEGER) AS environment_id 
FROM issues 
WHERE issues.organization_id = $4::BIGINT AND issues.first_release_id = $1::BIGINT;

-- issues.merge
/* issues.merge */ UPDATE issues SET times=(SELECT CAST(sum(issues_1.times) AS BIGINT) AS sum_1 
FROM issues AS issues_1 
WHERE issues_1.organization_id = $1::BIGINT AND issues_1.id = any($2::BIGINT[])), users=(issues.users + $3::BIGINT), first_seen=(SELECT min(issues_1.first_seen) AS min_1 
FROM issues AS issues_1 
WHERE issues_1.organization_id = $1::BIGINT AND issues_1.id = any($2::BIGINT[])), last_seen=(SELECT max(issues_1.last_seen) AS max_1 
FROM issues AS issues_1 
WHERE issues_1.organization_id = $1::BIGINT AND issues_1.id = any($2::BIGINT[])), first_release_id=(SELECT issues_2.first_release_id 
FROM issues AS issues_2 
WHERE issues_2.organization_id = $1::BIGINT AND issues_2.id = $4::BIGINT), introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $5::INTEGER), last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $6::INTEGER), site=(SELECT issues_2.site 
FROM issues AS issues_2 
WHERE issues_2.organization_id = $1::BIGINT AND issues_2.id = $4::BIGINT) WHERE issues.organization_id = $1::BIGINT AND issues.id = $7::BIGINT;

-- issues.move_paths
/* issues.move_paths */ UPDATE issues SET new_path_of_id=CASE WHEN (issues.id = $1::BIGINT) THEN NULL ELSE $1::BIGINT END WHERE issues.organization_id = $2::BIGINT AND issues.new_path_of_id = any($3::BIGINT[]);

-- issues.reopen
/* issues.reopen */ UPDATE issues SET status=anon_1.new_status, regressed_in_id=anon_1.release, date_regressed=anon_1.date, compared_by=anon_1.comparison FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(id BIGINT, new_status TEXT, release BIGINT, date TIMESTAMP WITH TIME ZONE, comparison TEXT) WHERE issues.organization_id = $2::BIGINT AND issues.id = anon_1.id;

-- issues.reorder
/* issues.reorder */ UPDATE issues SET introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $1::INTEGER), last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $2::INTEGER) WHERE issues.organization_id = $3::BIGINT AND issues.id IN (SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = $3::BIGINT AND issue_releases.release_id = $4::BIGINT);

-- issues.replace_introduced_in_id
/* issues.replace_introduced_in_id */ UPDATE issues SET introduced_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != $1::BIGINT ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $2::INTEGER) WHERE issues.organization_id = $3::BIGINT AND issues.introduced_in_id = $1::BIGINT;

-- issues.replace_last_release_id
/* issues.replace_last_release_id */ UPDATE issues SET last_release_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != $1::BIGINT ORDER BY releases.shipping_date DESC, releases.id DESC, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $2::INTEGER) WHERE issues.organization_id = $3::BIGINT AND issues.last_release_id = $1::BIGINT;

-- issues.replace_paths
/* issues.replace_paths */ UPDATE issues SET new_path_of_id=(SELECT min(issues_1.id) AS min_1 
FROM issues AS issues_1 
WHERE issues_1.organization_id = $1::BIGINT AND issues_1.project_id = issues.project_id AND issues_1.site = issues.site AND issues_1.id < issues.id AND NOT (issues_1.id = any($2::BIGINT[]))) WHERE issues.organization_id = $1::BIGINT AND issues.new_path_of_id = any($2::BIGINT[]);

-- issues.replace_regressed_in_id
/* issues.replace_regressed_in_id */ UPDATE issues SET regressed_in_id=(SELECT issue_releases.release_id 
FROM issue_releases JOIN releases ON releases.id = issue_releases.release_id 
WHERE issue_releases.organization_id = issues.organization_id AND issue_releases.issue_id = issues.id AND issue_releases.release_id != $1::BIGINT AND (EXISTS (SELECT $2::INTEGER AS anon_1 
FROM releases AS other 
WHERE other.id = $1::BIGINT AND (releases.shipping_date > other.shipping_date OR releases.shipping_date = other.shipping_date AND releases.id > other.id))) ORDER BY releases.shipping_date, releases.id, issue_releases.first_seen, issue_releases.environment_id 
 LIMIT $3::INTEGER) WHERE issues.organization_id = $4::BIGINT AND issues.regressed_in_id = $1::BIGINT;

-- issues.resolve_by_short_id
/* issues.resolve_by_short_id */ UPDATE issues SET status=$1::VARCHAR, resolved_in=$2::VARCHAR, resolved_release_id=$3::BIGINT, resolved_commit_id=NULL, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $5::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), date_resolved=$6::TIMESTAMP WITH TIME ZONE WHERE issues.organization_id = $4::BIGINT AND issues.short_id = any($7::VARCHAR(64)[] COLLATE "C") AND (issues.resolved_release_id IS NULL OR issues.resolved_release_id != $3::BIGINT) AND (issues.status != $8::VARCHAR OR issues.resolved_release_id = $9::BIGINT);

-- issues.resolve_in_commit
/* issues.resolve_in_commit */ UPDATE issues SET status=$1::VARCHAR, resolved_in=$2::VARCHAR, resolved_release_id=$3::BIGINT, resolved_commit_id=$4::BIGINT, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = $5::BIGINT AND releases.id = $3::BIGINT), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = $5::BIGINT AND releases.id = $3::BIGINT), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $6::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $5::BIGINT AND releases.id = $3::BIGINT), date_resolved=$7::TIMESTAMP WITH TIME ZONE WHERE issues.organization_id = $5::BIGINT AND issues.id = any($8::BIGINT[]);

-- issues.resolve_in_new_release
/* issues.resolve_in_new_release */ UPDATE issues SET resolved_in=CASE WHEN (issues.resolved_in = $1::VARCHAR AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = $2::BIGINT AND release_projects.release_id = $3::BIGINT) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT))) THEN $4::VARCHAR ELSE issues.resolved_in END, resolved_release_id=$3::BIGINT, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $5::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT) WHERE issues.organization_id = $2::BIGINT AND issues.resolved_release_id = $6::BIGINT AND (issues.resolved_in = $1::VARCHAR AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = $2::BIGINT AND release_projects.release_id = $3::BIGINT) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT)) OR issues.resolved_commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = $2::BIGINT AND release_commits.release_id = $3::BIGINT));

-- issues.resolve_in_next_release
/* issues.resolve_in_next_release */ UPDATE issues SET status=$1::VARCHAR, resolved_in=$2::VARCHAR, resolved_release_id=$3::BIGINT, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=(SELECT release_projects.date_shown 
FROM release_projects JOIN releases ON releases.id = release_projects.release_id 
WHERE release_projects.organization_id = issues.organization_id AND release_projects.project_id = issues.project_id AND releases.origin = $4::VARCHAR ORDER BY release_projects.date_shown DESC, release_projects.release_id DESC 
 LIMIT $5::INTEGER), date_resolved=$6::TIMESTAMP WITH TIME ZONE WHERE issues.organization_id = $7::BIGINT AND issues.id = any($8::BIGINT[]);

-- issues.resolve_in_release
/* issues.resolve_in_release */ UPDATE issues SET status=$1::VARCHAR, resolved_in=$2::VARCHAR, resolved_release_id=$3::BIGINT, resolved_commit_id=NULL, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $5::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $4::BIGINT AND releases.id = $3::BIGINT), date_resolved=$6::TIMESTAMP WITH TIME ZONE WHERE issues.organization_id = $4::BIGINT AND issues.id = any($7::BIGINT[]);

-- issues.resolve_in_release_of_commit
/* issues.resolve_in_release_of_commit */ UPDATE issues SET resolved_in=CASE WHEN (issues.resolved_in = $1::VARCHAR AND issues.project_id IN (SELECT release_projects.project_id 
FROM release_projects 
WHERE release_projects.organization_id = $2::BIGINT AND release_projects.release_id = $3::BIGINT) AND (issues.resolved_shipping_date IS NULL OR issues.resolved_shipping_date <= (SELECT releases.shipping_date 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT))) THEN $4::VARCHAR ELSE issues.resolved_in END, resolved_release_id=$3::BIGINT, resolved_package=(SELECT releases.package 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT), resolved_semver_key=(SELECT releases.semver_key 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT), resolved_shipping_date=(SELECT CASE WHEN (releases.date_released IS NOT NULL OR releases.deploy_count > $5::INTEGER) THEN releases.shipping_date ELSE NULL END AS anon_1 
FROM releases 
WHERE releases.organization_id = $2::BIGINT AND releases.id = $3::BIGINT) WHERE issues.organization_id = $2::BIGINT AND issues.resolved_release_id = $6::BIGINT AND issues.resolved_commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = $2::BIGINT AND release_commits.release_id = $3::BIGINT);

-- issues.resolve_now
/* issues.resolve_now */ UPDATE issues SET status=$1::VARCHAR, resolved_in=$2::VARCHAR, resolved_release_id=NULL, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=NULL, date_resolved=$3::TIMESTAMP WITH TIME ZONE WHERE issues.organization_id = $4::BIGINT AND issues.id = any($5::BIGINT[]);

-- issues.set_first_release
/* issues.set_first_release */ UPDATE issues SET first_release_id=anon_1.first_release FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(id BIGINT, first_release BIGINT) WHERE issues.organization_id = $2::BIGINT AND issues.id = anon_1.id;

-- issues.set_status
/* issues.set_status */ UPDATE issues SET status=$1::VARCHAR, resolved_in=NULL, resolved_release_id=NULL, resolved_commit_id=NULL, resolved_package=NULL, resolved_semver_key=NULL, resolved_shipping_date=NULL, date_resolved=NULL WHERE issues.organization_id = $2::BIGINT AND issues.id = any($3::BIGINT[]);

-- locks.lock_organization
/* locks.lock_organization */ SELECT pg_advisory_xact_lock($1::BIGINT) AS pg_advisory_xact_lock_1;

-- locks.lock_organization_shared
/* locks.lock_organization_shared */ SELECT pg_advisory_xact_lock_shared($1::BIGINT) AS pg_advisory_xact_lock_shared_1;

-- organizations.find
/* organizations.find */ SELECT organizations.id 
FROM organizations 
WHERE organizations.slug = $1::VARCHAR;

-- organizations.find_salt
/* organizations.find_salt */ SELECT organizations.user_salt 
FROM organizations 
WHERE organizations.id = $1::BIGINT;

-- organizations.insert
/* organizations.insert */ INSERT INTO organizations (slug, name, date_created, user_salt) VALUES ($1::VARCHAR, $2::VARCHAR, $3::TIMESTAMP WITH TIME ZONE, $4::VARCHAR) ON CONFLICT DO NOTHING RETURNING organizations.id;

-- organizations.list
/* organizations.list */ SELECT organizations.slug, organizations.name, (SELECT count(*) AS count_1 
FROM projects 
WHERE projects.organization_id = organizations.id) AS projects, (SELECT count(*) AS count_2 
FROM releases 
WHERE releases.organization_id = organizations.id) AS releases 
FROM organizations ORDER BY organizations.slug;

-- outbox.claim_queue
/* outbox.claim_queue */ UPDATE upstream_releases SET attempts=$1::INTEGER, next_attempt_at=$2::TIMESTAMP WITH TIME ZONE, claim=(upstream_releases.claim + $3::INTEGER) WHERE upstream_releases.id = $4::BIGINT RETURNING upstream_releases.claim;

-- outbox.claim_upstream
/* outbox.claim_upstream */ UPDATE upstreams SET resume_at=$1::TIMESTAMP WITH TIME ZONE WHERE upstreams.organization_id = $2::BIGINT AND upstreams.resume_at <= $3::TIMESTAMP WITH TIME ZONE RETURNING upstreams.organization_id;

-- outbox.clear_failures
/* outbox.clear_failures */ UPDATE upstreams SET failures=$1::INTEGER, resume_at=$2::TIMESTAMP WITH TIME ZONE WHERE upstreams.organization_id = $3::BIGINT AND upstreams.failures > $4::INTEGER;

-- outbox.count_attempt
/* outbox.count_attempt */ UPDATE outbox SET attempts=(outbox.attempts + $1::INTEGER) WHERE outbox.id = $2::BIGINT;

-- outbox.count_failure
/* outbox.count_failure */ UPDATE upstreams SET failures=(upstreams.failures + $1::INTEGER), resume_at=$2::TIMESTAMP WITH TIME ZONE WHERE upstreams.organization_id = $3::BIGINT;

-- outbox.count_queues
/* outbox.count_queues */ SELECT upstream_releases.state, count(*) AS count_1 
FROM upstream_releases 
WHERE upstream_releases.organization_id = $1::BIGINT GROUP BY upstream_releases.state ORDER BY upstream_releases.state;

-- outbox.count_unsent_queues
/* outbox.count_unsent_queues */ SELECT upstream_releases.state, count(*) AS count_1 
FROM upstream_releases 
WHERE upstream_releases.state != $1::VARCHAR GROUP BY upstream_releases.state;

-- outbox.count_unsent_requests
/* outbox.count_unsent_requests */ SELECT count(*) AS count_1 
FROM outbox 
WHERE outbox.organization_id = $1::BIGINT;

-- outbox.delete_queue
/* outbox.delete_queue */ DELETE FROM upstream_releases WHERE upstream_releases.id = $1::BIGINT;

-- outbox.delete_queues
/* outbox.delete_queues */ DELETE FROM upstream_releases WHERE upstream_releases.organization_id = $1::BIGINT;

-- outbox.delete_request
/* outbox.delete_request */ DELETE FROM outbox WHERE outbox.id = $1::BIGINT;

-- outbox.delete_upstream
/* outbox.delete_upstream */ DELETE FROM upstreams WHERE upstreams.organization_id = $1::BIGINT RETURNING upstreams.url;

-- outbox.describe_upstream
/* outbox.describe_upstream */ SELECT upstreams.url, upstreams.organization, upstreams.failures, upstreams.resume_at 
FROM upstreams 
WHERE upstreams.organization_id = $1::BIGINT;

-- outbox.find_deploy
/* outbox.find_deploy */ SELECT releases.version, deploys.release_id, environments.name, deploys.name AS name_1, deploys.url, deploys.date_started, deploys.date_finished, deploys.external_id 
FROM deploys JOIN releases ON releases.id = deploys.release_id JOIN environments ON environments.id = deploys.environment_id 
WHERE deploys.organization_id = $1::BIGINT AND deploys.id = $2::BIGINT;

-- outbox.find_failures
/* outbox.find_failures */ SELECT upstreams.failures 
FROM upstreams 
WHERE upstreams.organization_id = $1::BIGINT;

-- outbox.find_first_request
/* outbox.find_first_request */ SELECT outbox.id, outbox.kind, outbox.body, outbox.attempts 
FROM outbox 
WHERE outbox.organization_id = $1::BIGINT AND outbox.queue_id = $2::BIGINT ORDER BY outbox.id 
 LIMIT $3::INTEGER;

-- outbox.find_release
/* outbox.find_release */ SELECT releases.version, releases.ref, releases.url, releases.date_released, releases.status 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.id = $2::BIGINT;

-- outbox.find_upstream
/* outbox.find_upstream */ SELECT upstreams.url, upstreams.organization, upstreams.sealed_token 
FROM upstreams 
WHERE upstreams.organization_id = $1::BIGINT;

-- outbox.insert_queue
/* outbox.insert_queue */ INSERT INTO upstream_releases (organization_id, version, state, attempts, last_error, next_attempt_at, claim, last_deploy) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::INTEGER, $5::VARCHAR, $6::TIMESTAMP WITH TIME ZONE, $7::INTEGER, $8::VARCHAR) RETURNING upstream_releases.id;

-- outbox.insert_request
/* outbox.insert_request */ INSERT INTO outbox (organization_id, queue_id, kind, body, attempts, date_created) VALUES ($1::BIGINT, $2::BIGINT, $3::VARCHAR, $4::VARCHAR, $5::INTEGER, $6::TIMESTAMP WITH TIME ZONE) RETURNING outbox.id;

-- outbox.list_commits
/* outbox.list_commits */ SELECT commits.id, commits.sha, repositories.name, commits.message, commit_authors.email, commit_authors.name AS name_1, commits.timestamp 
FROM release_commits JOIN commits ON commits.id = release_commits.commit_id JOIN repositories ON repositories.id = commits.repository_id LEFT OUTER JOIN commit_authors ON commit_authors.id = commits.author_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT ORDER BY release_commits.position;

-- outbox.list_deploy_slugs
/* outbox.list_deploy_slugs */ SELECT projects.slug 
FROM deploy_projects JOIN projects ON projects.id = deploy_projects.project_id 
WHERE deploy_projects.organization_id = $1::BIGINT AND deploy_projects.deploy_id = $2::BIGINT ORDER BY projects.id;

-- outbox.list_due_organizations
/* outbox.list_due_organizations */ SELECT upstreams.organization_id, upstreams.failures 
FROM upstreams 
WHERE upstreams.resume_at <= $1::TIMESTAMP WITH TIME ZONE AND (EXISTS (SELECT upstream_releases.id 
FROM upstream_releases 
WHERE upstream_releases.organization_id = upstreams.organization_id AND upstream_releases.state = $2::VARCHAR AND upstream_releases.next_attempt_at <= $1::TIMESTAMP WITH TIME ZONE));

-- outbox.list_due_queues
/* outbox.list_due_queues */ SELECT upstream_releases.id, upstream_releases.version, upstream_releases.last_deploy 
FROM upstream_releases 
WHERE upstream_releases.organization_id = $1::BIGINT AND upstream_releases.state = $2::VARCHAR AND upstream_releases.next_attempt_at <= $3::TIMESTAMP WITH TIME ZONE ORDER BY upstream_releases.next_attempt_at, upstream_releases.id 
 LIMIT $4::INTEGER FOR UPDATE SKIP LOCKED;

-- outbox.list_failed_queues
/* outbox.list_failed_queues */ SELECT upstream_releases.id, upstream_releases.version 
FROM upstream_releases 
WHERE upstream_releases.organization_id = $1::BIGINT AND upstream_releases.state = $2::VARCHAR ORDER BY upstream_releases.id;

-- outbox.list_file_changes
/* outbox.list_file_changes */ SELECT file_changes.commit_id, file_changes.path, file_changes.type 
FROM file_changes 
WHERE file_changes.organization_id = $1::BIGINT AND file_changes.commit_id IN (SELECT release_commits.commit_id 
FROM release_commits 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = $2::BIGINT) ORDER BY file_changes.commit_id, file_changes.path;

-- outbox.list_project_slugs
/* outbox.list_project_slugs */ SELECT projects.slug 
FROM release_projects JOIN projects ON projects.id = release_projects.project_id 
WHERE release_projects.organization_id = $1::BIGINT AND release_projects.release_id = $2::BIGINT ORDER BY projects.id;

-- outbox.list_requests
/* outbox.list_requests */ SELECT upstream_releases.version, outbox.kind, upstream_releases.state, outbox.attempts, upstream_releases.next_attempt_at, upstream_releases.last_error 
FROM outbox JOIN upstream_releases ON upstream_releases.id = outbox.queue_id 
WHERE outbox.organization_id = $1::BIGINT ORDER BY outbox.id;

-- outbox.lock_upstream_and_find_queue
/* outbox.lock_upstream_and_find_queue */ SELECT upstreams.organization_id, upstream_releases.id 
FROM upstreams LEFT OUTER JOIN upstream_releases ON upstream_releases.organization_id = upstreams.organization_id AND upstream_releases.version = $1::VARCHAR 
WHERE upstreams.organization_id = $2::BIGINT FOR KEY SHARE OF upstreams;

-- outbox.mark_empty_queue_sent
/* outbox.mark_empty_queue_sent */ UPDATE upstream_releases SET state=$1::VARCHAR WHERE upstream_releases.id = $2::BIGINT AND upstream_releases.state = $3::VARCHAR;

-- outbox.mark_queue_failed
/* outbox.mark_queue_failed */ UPDATE upstream_releases SET state=$1::VARCHAR, last_error=$2::VARCHAR WHERE upstream_releases.id = $3::BIGINT AND upstream_releases.claim = $4::INTEGER;

-- outbox.mark_queue_pending
/* outbox.mark_queue_pending */ UPDATE upstream_releases SET state=$1::VARCHAR, next_attempt_at=$2::TIMESTAMP WITH TIME ZONE WHERE upstream_releases.id = $3::BIGINT;

-- outbox.mark_queue_sent
/* outbox.mark_queue_sent */ UPDATE upstream_releases SET state=$1::VARCHAR, last_error=NULL, last_deploy=coalesce($2::VARCHAR, upstream_releases.last_deploy) WHERE upstream_releases.id = $3::BIGINT AND upstream_releases.claim = $4::INTEGER RETURNING upstream_releases.last_deploy;

-- outbox.postpone_queue
/* outbox.postpone_queue */ UPDATE upstream_releases SET last_error=$1::VARCHAR, next_attempt_at=$2::TIMESTAMP WITH TIME ZONE WHERE upstream_releases.id = $3::BIGINT AND upstream_releases.claim = $4::INTEGER;

-- outbox.retry_all_queues
/* outbox.retry_all_queues */ UPDATE upstream_releases SET state=$1::VARCHAR, last_error=NULL, next_attempt_at=$2::TIMESTAMP WITH TIME ZONE WHERE upstream_releases.organization_id = $3::BIGINT AND upstream_releases.state = $4::VARCHAR;

-- outbox.retry_queue
/* outbox.retry_queue */ UPDATE upstream_releases SET state=$1::VARCHAR, attempts=$2::INTEGER, last_error=NULL, next_attempt_at=$3::TIMESTAMP WITH TIME ZONE WHERE upstream_releases.id = $4::BIGINT;

-- outbox.upsert_upstream
/* outbox.upsert_upstream */ INSERT INTO upstreams (organization_id, url, organization, sealed_token, failures, resume_at, date_created) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::BYTEA, $5::INTEGER, $6::TIMESTAMP WITH TIME ZONE, $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id) DO UPDATE SET url = excluded.url, organization = excluded.organization, sealed_token = excluded.sealed_token, failures = excluded.failures, resume_at = excluded.resume_at;

-- outbox.wake_queue
/* outbox.wake_queue */ UPDATE upstream_releases SET state=$1::VARCHAR, attempts=CASE WHEN (upstream_releases.state = $2::VARCHAR) THEN upstream_releases.attempts ELSE $3::INTEGER END, last_error=CASE WHEN (upstream_releases.state = $2::VARCHAR) THEN upstream_releases.last_error ELSE NULL END, next_attempt_at=CASE WHEN (upstream_releases.state = $2::VARCHAR) THEN upstream_releases.next_attempt_at ELSE $4::TIMESTAMP WITH TIME ZONE END WHERE upstream_releases.id = $5::BIGINT RETURNING upstream_releases.id;

-- outcomes.count
/* outcomes.count */ INSERT INTO outcomes (organization_id, project_id, hour, outcome, reason, category, value, quantity, bytes) SELECT $1::BIGINT AS anon_1, anon_2.project_id, anon_2.hour, anon_2.outcome, anon_2.reason, anon_2.category, anon_2.value, anon_2.quantity, anon_2.bytes 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, hour INTEGER, outcome VARCHAR(16) COLLATE "C", reason VARCHAR(64) COLLATE "C", category VARCHAR(32) COLLATE "C", value VARCHAR(200) COLLATE "C", quantity BIGINT, bytes BIGINT) ON CONFLICT (organization_id, project_id, hour, outcome, reason, category, value) DO UPDATE SET quantity = (outcomes.quantity + excluded.quantity), bytes = (outcomes.bytes + excluded.bytes);

-- project_keys.delete
/* project_keys.delete */ DELETE FROM project_keys WHERE project_keys.organization_id = $1::BIGINT AND project_keys.id = $2::BIGINT;

-- project_keys.find_active
/* project_keys.find_active */ SELECT project_keys.organization_id, project_keys.project_id, organizations.user_salt 
FROM project_keys JOIN organizations ON organizations.id = project_keys.organization_id 
WHERE project_keys.public_key = $1::VARCHAR AND project_keys.is_active IS true;

-- project_keys.find_by_id
/* project_keys.find_by_id */ SELECT project_keys.id, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = $1::BIGINT AND project_keys.id = $2::BIGINT;

-- project_keys.find_by_public_key
/* project_keys.find_by_public_key */ SELECT project_keys.id, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = $1::BIGINT AND project_keys.project_id = $2::BIGINT AND project_keys.public_key = $3::VARCHAR;

-- project_keys.insert
/* project_keys.insert */ INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created) VALUES ($1::BIGINT, $2::BIGINT, $3::VARCHAR, $4::VARCHAR, $5::BOOLEAN, $6::TIMESTAMP WITH TIME ZONE) RETURNING project_keys.id;

-- project_keys.insert_default
/* project_keys.insert_default */ INSERT INTO project_keys (organization_id, project_id, public_key, name, is_active, date_created) SELECT projects.organization_id, projects.id, $1::VARCHAR AS anon_1, $2::VARCHAR AS anon_2, $3::BOOLEAN AS anon_3, $4::TIMESTAMP WITH TIME ZONE AS anon_4 
FROM projects 
WHERE projects.organization_id = $5::BIGINT AND projects.id = $6::BIGINT AND NOT (EXISTS (SELECT project_keys.id 
FROM project_keys 
WHERE project_keys.organization_id = projects.organization_id AND project_keys.project_id = projects.id));

-- project_keys.list
/* project_keys.list */ SELECT project_keys.public_key, project_keys.name, project_keys.is_active 
FROM project_keys 
WHERE project_keys.organization_id = $1::BIGINT AND project_keys.project_id = $2::BIGINT ORDER BY project_keys.id;

-- project_keys.update
/* project_keys.update */ UPDATE project_keys SET name=$1::VARCHAR, is_active=$2::BOOLEAN WHERE project_keys.organization_id = $3::BIGINT AND project_keys.id = $4::BIGINT;

-- projects.complete
/* projects.complete */ UPDATE projects SET  WHERE projects.id = $1::BIGINT;

-- projects.count_issues
/* projects.count_issues */ UPDATE projects SET issue_counter=(projects.issue_counter + $1::BIGINT) WHERE projects.organization_id = $2::BIGINT AND projects.id = $3::BIGINT RETURNING projects.slug, projects.issue_counter;

-- projects.find_by_id
/* projects.find_by_id */ SELECT projects.id, projects.slug, projects.name, projects.default_repository_id 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.id = $2::BIGINT;

-- projects.find_by_key
/* projects.find_by_key */ SELECT projects.slug, projects.id 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = any($2::VARCHAR(50)[] COLLATE "C");

-- projects.find_by_slug
/* projects.find_by_slug */ SELECT projects.id, projects.slug, projects.name, projects.default_repository_id 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = $2::VARCHAR;

-- projects.insert
/* projects.insert */ INSERT INTO projects (organization_id, slug, name, date_created, default_repository_id) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::TIMESTAMP WITH TIME ZONE, $5::BIGINT) ON CONFLICT DO NOTHING RETURNING projects.id;

-- projects.insert_missing
/* projects.insert_missing */ INSERT INTO projects (organization_id, slug, name, date_created) SELECT $1::BIGINT AS anon_1, anon_2.slug, anon_2.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(slug VARCHAR(50) COLLATE "C", name VARCHAR(64) COLLATE "C") ON CONFLICT DO NOTHING;

-- projects.insert_new
/* projects.insert_new */ INSERT INTO projects (id, organization_id, slug, name, date_created) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.slug, anon_1.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_1(id BIGINT, slug VARCHAR(50) COLLATE "C", name VARCHAR(64) COLLATE "C");

-- projects.list
/* projects.list */ SELECT organizations.slug, projects.slug AS slug_1, projects.name 
FROM projects JOIN organizations ON organizations.id = projects.organization_id ORDER BY organizations.slug, projects.slug;

-- projects.look_up_by_id
/* projects.look_up_by_id */ SELECT projects.id, projects.slug 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.id = any($2::BIGINT[]);

-- projects.look_up_by_slug
/* projects.look_up_by_slug */ SELECT projects.id, projects.slug 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = any($2::VARCHAR(50)[] COLLATE "C");

-- projects.update
/* projects.update */ UPDATE projects SET slug=$1::VARCHAR, name=$2::VARCHAR, default_repository_id=$3::BIGINT WHERE projects.id = $4::BIGINT;

-- release_events.delete_of_release
/* release_events.delete_of_release */ DELETE FROM release_events WHERE release_events.organization_id = $1::BIGINT AND release_events.release_id = $2::BIGINT;

-- release_files.delete
/* release_files.delete */ DELETE FROM release_files WHERE release_files.organization_id = $1::BIGINT AND release_files.release_id = $2::BIGINT AND release_files.id = any($3::BIGINT[]) RETURNING release_files.id;

-- release_files.delete_all
/* release_files.delete_all */ DELETE FROM release_files WHERE release_files.organization_id = $1::BIGINT AND release_files.release_id = $2::BIGINT RETURNING release_files.id;

-- release_files.find
/* release_files.find */ SELECT release_files.name, release_files.dist 
FROM release_files 
WHERE release_files.organization_id = $1::BIGINT AND release_files.release_id = $2::BIGINT AND release_files.id = $3::BIGINT FOR UPDATE;

-- release_files.find_by_name
/* release_files.find_by_name */ SELECT release_files.id 
FROM release_files 
WHERE release_files.organization_id = $1::BIGINT AND release_files.release_id = $2::BIGINT AND release_files.name = $3::VARCHAR AND release_files.dist = $4::VARCHAR;

-- release_files.insert
/* release_files.insert */ INSERT INTO release_files (organization_id, release_id, name, dist, headers, blob_id, size, sha1, date_created) VALUES ($1::BIGINT, $2::BIGINT, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::BIGINT, $7::BIGINT, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE) ON CONFLICT DO NOTHING RETURNING release_files.id;

-- release_files.rename
/* release_files.rename */ UPDATE release_files SET name=$1::VARCHAR WHERE release_files.organization_id = $2::BIGINT AND release_files.release_id = $3::BIGINT AND release_files.id = $4::BIGINT RETURNING release_files.id;

-- release_files.replace
/* release_files.replace */ INSERT INTO release_files (organization_id, release_id, name, dist, headers, blob_id, size, sha1, date_created) VALUES ($1::BIGINT, $2::BIGINT, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::BIGINT, $7::BIGINT, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, release_id, name, dist) DO UPDATE SET headers = excluded.headers, blob_id = excluded.blob_id, size = excluded.size, sha1 = excluded.sha1, date_created = excluded.date_created RETURNING release_files.id;

-- releases.claim
/* releases.claim */ UPDATE releases SET shipping_date=$1::TIMESTAMP WITH TIME ZONE, origin=$2::VARCHAR WHERE releases.id = $3::BIGINT;

-- releases.claim_links
/* releases.claim_links */ UPDATE release_projects SET date_shown=$1::TIMESTAMP WITH TIME ZONE WHERE release_projects.organization_id = $2::BIGINT AND release_projects.release_id = $3::BIGINT;

-- releases.clear_last_deploy
/* releases.clear_last_deploy */ UPDATE releases SET last_deploy_id=NULL WHERE releases.id = $1::BIGINT;

-- releases.count
/* releases.count */ SELECT releases.version, releases.commit_count 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version IN (SELECT anon_1.value 
FROM unnest($2::VARCHAR(200)[] COLLATE "C") AS anon_1(value));

-- releases.count_events
/* releases.count_events */ INSERT INTO release_events (organization_id, release_id, project_id, environment_id, first_event, last_event, events, new_issues) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.project_id, anon_2.environment_id, anon_2.first_event, anon_2.last_event, anon_2.events, anon_2.new_issues 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, project_id BIGINT, environment_id BIGINT, first_event TIMESTAMP WITH TIME ZONE, last_event TIMESTAMP WITH TIME ZONE, events BIGINT, new_issues INTEGER) ON CONFLICT (organization_id, release_id, project_id, environment_id) DO UPDATE SET first_event = CASE WHEN (excluded.first_event < release_events.first_event) THEN excluded.first_event ELSE release_events.first_event END, last_event = CASE WHEN (excluded.last_event > release_events.last_event) THEN excluded.last_event ELSE release_events.last_event END, events = (release_events.events + excluded.events), new_issues = (release_events.new_issues + excluded.new_issues);

-- releases.count_new_issues
/* releases.count_new_issues */ UPDATE release_events SET new_issues=(release_events.new_issues + anon_1.more) FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(release_id BIGINT, project_id BIGINT, environment_id BIGINT, more BIGINT) WHERE release_events.organization_id = $2::BIGINT AND release_events.release_id = anon_1.release_id AND release_events.project_id = anon_1.project_id AND release_events.environment_id = anon_1.environment_id;

-- releases.delete
/* releases.delete */ DELETE FROM releases WHERE releases.id = $1::BIGINT;

-- releases.find_first_with_commit
/* releases.find_first_with_commit */ SELECT releases.id 
FROM release_commits JOIN releases ON releases.id = release_commits.release_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.commit_id = $2::BIGINT ORDER BY releases.shipping_date, releases.id 
 LIMIT $3::INTEGER;

-- releases.find_shipped
/* releases.find_shipped */ SELECT releases.id, releases.package, releases.semver_key, releases.shipping_date 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.id = any($2::BIGINT[]);

-- releases.find_sort_keys
/* releases.find_sort_keys */ SELECT releases.date_created, releases.release_order, releases.semver_key, releases.build_number, releases.shipping_date 
FROM releases 
WHERE releases.id = $1::BIGINT;

-- releases.has_issues
/* releases.has_issues */ SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.release_id = $2::BIGINT 
 LIMIT $3::INTEGER;

-- releases.insert
/* releases.insert */ INSERT INTO releases (id, organization_id, version, ref, url, status, user_agent, notes, metadata_json, folded_version, date_created, date_released, release_order, shipping_date, origin, commit_count, commit_status, deploy_count, last_commit_id, package, raw, major, minor, patch, pre, build_code, components, description, build_hash, semver_key, build_number) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.version, anon_1.ref, anon_1.url, anon_1.status, anon_1.user_agent, anon_1.notes, anon_1.metadata_json, anon_1.folded_version, anon_1.date_created, anon_1.date_released, anon_1.release_order, anon_1.shipping_date, anon_1.origin, anon_1.commit_count, anon_1.commit_status, anon_1.deploy_count, anon_1.last_commit_id, anon_1.package, anon_1.raw, anon_1.major, anon_1.minor, anon_1.patch, anon_1.pre, anon_1.build_code, anon_1.components, anon_1.description, anon_1.build_hash, anon_1.semver_key, anon_1.build_number 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_1(id BIGINT, version VARCHAR(200) COLLATE "C", ref VARCHAR(200) COLLATE "C", url VARCHAR(200) COLLATE "C", status VARCHAR(8) COLLATE "C", user_agent VARCHAR(256) COLLATE "C", notes TEXT, metadata_json TEXT, folded_version TEXT, date_created TIMESTAMP WITH TIME ZONE, date_released TIMESTAMP WITH TIME ZONE, release_order TIMESTAMP WITH TIME ZONE, shipping_date TIMESTAMP WITH TIME ZONE, origin VARCHAR(6) COLLATE "C", commit_count INTEGER, commit_status VARCHAR(20) COLLATE "C", deploy_count INTEGER, last_commit_id BIGINT, package VARCHAR(200) COLLATE "C", raw VARCHAR(200) COLLATE "C", major VARCHAR(20) COLLATE "C", minor VARCHAR(20) COLLATE "C", patch VARCHAR(20) COLLATE "C", pre VARCHAR(200) COLLATE "C", build_code VARCHAR(200) COLLATE "C", components INTEGER, description VARCHAR(250) COLLATE "C", build_hash VARCHAR(64) COLLATE "C", semver_key VARCHAR(400) COLLATE "C", build_number BIGINT);

-- releases.insert_deleted
/* releases.insert_deleted */ INSERT INTO deleted_releases (organization_id, version, date_deleted) SELECT $1::BIGINT AS anon_1, anon_2.version, anon_2.date_deleted 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(version VARCHAR(200) COLLATE "C", date_deleted TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, version) DO UPDATE SET date_deleted = excluded.date_deleted;

-- releases.link_new
/* releases.link_new */ INSERT INTO release_projects (organization_id, release_id, project_id, date_created, release_order, date_shown, semver_key, build_number) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.project_id, anon_2.date_created, anon_2.release_order, anon_2.date_shown, anon_2.semver_key, anon_2.build_number 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, project_id BIGINT, date_created TIMESTAMP WITH TIME ZONE, release_order TIMESTAMP WITH TIME ZONE, date_shown TIMESTAMP WITH TIME ZONE, semver_key VARCHAR(400) COLLATE "C", build_number BIGINT);

-- releases.link_project
/* releases.link_project */ INSERT INTO release_projects (organization_id, release_id, date_created, release_order, date_shown, semver_key, build_number, project_id) SELECT $1::BIGINT AS anon_1, $2::BIGINT AS anon_2, $3::TIMESTAMP WITH TIME ZONE AS anon_3, $4::TIMESTAMP WITH TIME ZONE AS anon_4, $5::TIMESTAMP WITH TIME ZONE AS anon_5, $6::VARCHAR AS anon_6, $7::BIGINT AS anon_7, anon_8.project_id 
FROM json_to_recordset(CAST($8::VARCHAR AS JSON)) AS anon_8(project_id BIGINT) ON CONFLICT DO NOTHING RETURNING release_projects.project_id;

-- releases.lock
/* releases.lock */ SELECT releases.id 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version = any($2::VARCHAR(200)[] COLLATE "C") ORDER BY releases.version FOR NO KEY UPDATE;

-- releases.lock_commit_references
/* releases.lock_commit_references */ WITH locked AS 
(SELECT repositories.id AS id 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") ORDER BY repositories.id FOR SHARE)
 SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = $1::BIGINT AND commit_authors.email = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.sha = any($4::VARCHAR(64)[] COLLATE "C") UNION ALL SELECT 'locked' AS kind, CAST(NULL AS TEXT) AS name, locked.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM locked;

-- releases.look_up_and_lock_new
/* releases.look_up_and_lock_new */ WITH locked AS 
(SELECT repositories.id AS id 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") AND (SELECT count(*) AS count_1 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version = any($5::VARCHAR(200)[] COLLATE "C")) != $8::BIGINT ORDER BY repositories.id FOR SHARE)
 SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = $1::BIGINT AND commit_authors.email = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.sha = any($4::VARCHAR(64)[] COLLATE "C") UNION ALL SELECT 'release' AS kind, releases.version AS name, releases.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version = any($5::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'project' AS kind, projects.slug AS name, projects.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = any($6::VARCHAR(50)[] COLLATE "C") UNION ALL SELECT 'upstream' AS kind, CAST(NULL AS TEXT) AS name, upstreams.organization_id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM upstreams 
WHERE upstreams.organization_id = $1::BIGINT UNION ALL SELECT 'awaiting' AS kind, CAST(NULL AS TEXT) AS name, min(issues.id) AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.resolved_release_id = $7::BIGINT UNION ALL SELECT 'locked' AS kind, CAST(NULL AS TEXT) AS name, locked.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM locked;

-- releases.look_up_new
/* releases.look_up_new */ SELECT 'repository' AS kind, repositories.name AS name, repositories.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'author' AS kind, commit_authors.email AS name, commit_authors.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, commit_authors.name AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM commit_authors 
WHERE commit_authors.organization_id = $1::BIGINT AND commit_authors.email = any($3::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'commit' AS kind, commits.sha AS name, commits.id AS id, commits.repository_id AS owner, commits.author_id AS other, commits.message AS said, commits.timestamp AS time 
FROM commits 
WHERE commits.organization_id = $1::BIGINT AND commits.sha = any($4::VARCHAR(64)[] COLLATE "C") UNION ALL SELECT 'release' AS kind, releases.version AS name, releases.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.version = any($5::VARCHAR(200)[] COLLATE "C") UNION ALL SELECT 'project' AS kind, projects.slug AS name, projects.id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = any($6::VARCHAR(50)[] COLLATE "C") UNION ALL SELECT 'upstream' AS kind, CAST(NULL AS TEXT) AS name, upstreams.organization_id AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM upstreams 
WHERE upstreams.organization_id = $1::BIGINT UNION ALL SELECT 'awaiting' AS kind, CAST(NULL AS TEXT) AS name, min(issues.id) AS id, CAST(NULL AS BIGINT) AS owner, CAST(NULL AS BIGINT) AS other, CAST(NULL AS TEXT) AS said, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS time 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.resolved_release_id = $7::BIGINT;

-- releases.sort_shipped
/* releases.sort_shipped */ SELECT releases.id 
FROM releases 
WHERE releases.organization_id = $1::BIGINT AND releases.id = any($2::BIGINT[]) AND releases.origin = $3::VARCHAR ORDER BY releases.shipping_date, releases.id;

-- releases.subtract_new_issues
/* releases.subtract_new_issues */ UPDATE release_events SET new_issues=CASE WHEN (release_events.new_issues > anon_1.less) THEN release_events.new_issues - anon_1.less ELSE $1::INTEGER END FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_1(release_id BIGINT, project_id BIGINT, environment_id BIGINT, less BIGINT) WHERE release_events.organization_id = $3::BIGINT AND release_events.release_id = anon_1.release_id AND release_events.project_id = anon_1.project_id AND release_events.environment_id = anon_1.environment_id;

-- releases.update_date_of_links
/* releases.update_date_of_links */ UPDATE release_projects SET release_order=$1::TIMESTAMP WITH TIME ZONE, date_shown=$2::TIMESTAMP WITH TIME ZONE WHERE release_projects.organization_id = $3::BIGINT AND release_projects.release_id = $4::BIGINT;

-- repositories.complete
/* repositories.complete */ UPDATE repositories SET  WHERE repositories.id = $1::BIGINT;

-- repositories.find_by_key
/* repositories.find_by_key */ SELECT repositories.name, repositories.id 
FROM repositories 
WHERE repositories.organization_id = $1::BIGINT AND repositories.name = any($2::VARCHAR(200)[] COLLATE "C");

-- repositories.insert_missing
/* repositories.insert_missing */ INSERT INTO repositories (organization_id, name, date_created) SELECT $1::BIGINT AS anon_1, anon_2.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_2(name VARCHAR(200) COLLATE "C") ON CONFLICT DO NOTHING;

-- repositories.insert_new
/* repositories.insert_new */ INSERT INTO repositories (id, organization_id, name, date_created) SELECT anon_1.id, $1::BIGINT AS anon_2, anon_1.name, $2::TIMESTAMP WITH TIME ZONE AS anon_3 
FROM json_to_recordset(CAST($3::VARCHAR AS JSON)) AS anon_1(id BIGINT, name VARCHAR(200) COLLATE "C");

-- retention.delete_events
/* retention.delete_events */ DELETE FROM events WHERE events.organization_id = $1::BIGINT AND events.id = any($2::BIGINT[]) RETURNING events.id;

-- retention.find_in_default_partition
/* retention.find_in_default_partition */ SELECT day FROM events_default WHERE day >= $1 AND day < $2 LIMIT 1;

-- retention.keep_first_events
/* retention.keep_first_events */ UPDATE events SET day=$1::INTEGER WHERE events.day = $2::INTEGER AND events.id = (SELECT earlier.id 
FROM events AS earlier 
WHERE earlier.organization_id = events.organization_id AND earlier.issue_id = events.issue_id ORDER BY earlier.timestamp, earlier.id 
 LIMIT $3::INTEGER);

-- retention.list_environments
/* retention.list_environments */ SELECT environments.id 
FROM environments 
WHERE environments.organization_id = $1::BIGINT;

-- retention.list_events_of_issue
/* retention.list_events_of_issue */ SELECT events.id, events.timestamp, events.received, events.release_id, length(events.body) AS size, events.id = (SELECT earlier.id 
FROM events AS earlier 
WHERE earlier.organization_id = events.organization_id AND earlier.issue_id = events.issue_id ORDER BY earlier.timestamp, earlier.id 
 LIMIT $1::INTEGER) AS is_first 
FROM events 
WHERE events.organization_id = $2::BIGINT AND events.issue_id = $3::BIGINT AND events.received < $4::TIMESTAMP WITH TIME ZONE ORDER BY events.timestamp, events.id;

-- retention.list_events_of_project
/* retention.list_events_of_project */ SELECT events.id, events.timestamp, events.received, events.release_id, length(events.body) AS size, events.id = (SELECT earlier.id 
FROM events AS earlier 
WHERE earlier.organization_id = events.organization_id AND earlier.issue_id = events.issue_id ORDER BY earlier.timestamp, earlier.id 
 LIMIT $1::INTEGER) AS is_first 
FROM events 
WHERE events.organization_id = $2::BIGINT AND events.project_id = $3::BIGINT AND events.timestamp < $4::TIMESTAMP WITH TIME ZONE AND events.timestamp >= $5::TIMESTAMP WITH TIME ZONE AND (events.timestamp > $5::TIMESTAMP WITH TIME ZONE OR events.id > $6::BIGINT) ORDER BY events.timestamp, events.id 
 LIMIT $7::INTEGER;

-- retention.list_organizations
/* retention.list_organizations */ SELECT organizations.id 
FROM organizations ORDER BY organizations.id;

-- retention.list_partitions
/* retention.list_partitions */ SELECT relname::text AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'events'::regclass ORDER BY relname;

-- retention.list_projects
/* retention.list_projects */ SELECT projects.organization_id, projects.id 
FROM projects ORDER BY projects.id;

-- retention.list_recent_issues
/* retention.list_recent_issues */ SELECT issues.id 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND issues.project_id = $2::BIGINT AND issues.last_seen >= $3::TIMESTAMP WITH TIME ZONE ORDER BY issues.last_seen, issues.id;

-- retention.subtract_bytes
/* retention.subtract_bytes */ UPDATE ingest_hours SET bytes=(ingest_hours.bytes - anon_1.removed) FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(project_id BIGINT, hour INTEGER, removed BIGINT) WHERE ingest_hours.organization_id = $2::BIGINT AND ingest_hours.project_id = anon_1.project_id AND ingest_hours.hour = anon_1.hour;

-- retention.sum_bytes
/* retention.sum_bytes */ SELECT coalesce(sum(ingest_hours.bytes), $1::INTEGER) AS coalesce_1 
FROM ingest_hours 
WHERE ingest_hours.organization_id = $2::BIGINT AND ingest_hours.project_id = $3::BIGINT;

-- session_hours.delete_of_release
/* session_hours.delete_of_release */ DELETE FROM session_hours WHERE session_hours.organization_id = $1::BIGINT AND session_hours.release_id = $2::BIGINT;

-- session_users.delete_of_release
/* session_users.delete_of_release */ DELETE FROM session_users WHERE session_users.organization_id = $1::BIGINT AND session_users.release_id = $2::BIGINT;

-- session_users.forget_user
/* session_users.forget_user */ DELETE FROM session_users WHERE session_users.organization_id = $1::BIGINT AND session_users.user_hash = $2::VARCHAR;

-- sessions.count_hour
/* sessions.count_hour */ INSERT INTO session_hours (organization_id, release_id, project_id, environment_id, hour, sessions, crashed, abnormal, unhandled, errored) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.project_id, anon_2.environment_id, anon_2.hour, anon_2.sessions, anon_2.crashed, anon_2.abnormal, anon_2.unhandled, anon_2.errored 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, project_id BIGINT, environment_id BIGINT, hour INTEGER, sessions BIGINT, crashed BIGINT, abnormal BIGINT, unhandled BIGINT, errored BIGINT) ON CONFLICT (organization_id, release_id, project_id, environment_id, hour) DO UPDATE SET sessions = (session_hours.sessions + excluded.sessions), crashed = (session_hours.crashed + excluded.crashed), abnormal = (session_hours.abnormal + excluded.abnormal), unhandled = (session_hours.unhandled + excluded.unhandled), errored = (session_hours.errored + excluded.errored);

-- sessions.count_user
/* sessions.count_user */ INSERT INTO session_users (organization_id, release_id, project_id, environment_id, user_hash, last_hour, crashed) SELECT $1::BIGINT AS anon_1, anon_2.release_id, anon_2.project_id, anon_2.environment_id, anon_2.user_hash, anon_2.last_hour, anon_2.crashed 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(release_id BIGINT, project_id BIGINT, environment_id BIGINT, user_hash VARCHAR(32) COLLATE "C", last_hour INTEGER, crashed BOOLEAN) ON CONFLICT (organization_id, release_id, project_id, environment_id, user_hash) DO UPDATE SET last_hour = CASE WHEN (excluded.last_hour > session_users.last_hour) THEN excluded.last_hour ELSE session_users.last_hour END, crashed = (session_users.crashed OR excluded.crashed);

-- sessions.find_live
/* sessions.find_live */ SELECT live_sessions.project_id, live_sessions.sid, live_sessions.release_id, live_sessions.environment_id, live_sessions.hour, live_sessions.status 
FROM live_sessions 
WHERE live_sessions.organization_id = $1::BIGINT AND live_sessions.project_id = any($2::BIGINT[]) AND live_sessions.sid = any($3::VARCHAR(36)[] COLLATE "C");

-- sessions.upsert_live
/* sessions.upsert_live */ INSERT INTO live_sessions (organization_id, project_id, sid, release_id, environment_id, hour, status, date_updated) SELECT $1::BIGINT AS anon_1, anon_2.project_id, anon_2.sid, anon_2.release_id, anon_2.environment_id, anon_2.hour, anon_2.status, anon_2.date_updated 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(project_id BIGINT, sid VARCHAR(36) COLLATE "C", release_id BIGINT, environment_id BIGINT, hour INTEGER, status VARCHAR(10) COLLATE "C", date_updated TIMESTAMP WITH TIME ZONE) ON CONFLICT (organization_id, project_id, sid) DO UPDATE SET release_id = excluded.release_id, environment_id = excluded.environment_id, hour = excluded.hour, status = excluded.status, date_updated = CASE WHEN (excluded.date_updated > live_sessions.date_updated) THEN excluded.date_updated ELSE live_sessions.date_updated END;

-- suspects.delete
/* suspects.delete */ DELETE FROM suspect_commits WHERE suspect_commits.organization_id = $1::BIGINT AND suspect_commits.issue_id = any($2::BIGINT[]);

-- suspects.find_change
/* suspects.find_change */ SELECT file_changes.commit_id 
FROM release_commits JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = $1::BIGINT AND release_commits.release_id = any($2::BIGINT[]) AND release_commits.position < $3::INTEGER 
 LIMIT $4::INTEGER;

-- suspects.find_issue
/* suspects.find_issue */ SELECT issue_releases.issue_id 
FROM issue_releases 
WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.release_id = $2::BIGINT 
 LIMIT $3::INTEGER;

-- suspects.insert
/* suspects.insert */ INSERT INTO suspect_commits (organization_id, issue_id, position, commit_id, score, path, frame_path, matched_segments, releases_back) SELECT $1::BIGINT AS anon_1, anon_2.issue_id, anon_2.position, anon_2.commit_id, anon_2.score, anon_2.path, anon_2.frame_path, anon_2.matched_segments, anon_2.releases_back 
FROM json_to_recordset(CAST($2::VARCHAR AS JSON)) AS anon_2(issue_id BIGINT, position INTEGER, commit_id BIGINT, score FLOAT, path TEXT, frame_path TEXT, matched_segments INTEGER, releases_back INTEGER);

-- suspects.list_changes
/* suspects.list_changes */ SELECT changes.release_id, changes.position, changes.commit_id, changes.path, changes.type 
FROM (SELECT release_commits.release_id AS release_id, release_commits.position AS position, file_changes.commit_id AS commit_id, file_changes.path AS path, file_changes.type AS type, substr(lower(file_changes.path COLLATE "C"), length(rtrim(lower(file_changes.path COLLATE "C"), replace(lower(file_changes.path COLLATE "C"), $1::VARCHAR, $2::VARCHAR))) + $3::INTEGER) AS name 
FROM release_commits JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = $4::BIGINT AND release_commits.release_id = any($5::BIGINT[]) AND release_commits.position < $6::INTEGER) AS changes 
WHERE changes.name = any($7::TEXT[]);

-- suspects.list_changes_by_stem
/* suspects.list_changes_by_stem */ SELECT changes.release_id, changes.position, changes.commit_id, changes.path, changes.type 
FROM (SELECT release_commits.release_id AS release_id, release_commits.position AS position, file_changes.commit_id AS commit_id, file_changes.path AS path, file_changes.type AS type, rtrim(rtrim(substr(lower(file_changes.path COLLATE "C"), length(rtrim(lower(file_changes.path COLLATE "C"), replace(lower(file_changes.path COLLATE "C"), $1::VARCHAR, $2::VARCHAR))) + $3::INTEGER), replace(substr(lower(file_changes.path COLLATE "C"), length(rtrim(lower(file_changes.path COLLATE "C"), replace(lower(file_changes.path COLLATE "C"), $1::VARCHAR, $2::VARCHAR))) + $3::INTEGER), $4::VARCHAR, $5::VARCHAR)), $6::VARCHAR) AS name 
FROM release_commits JOIN file_changes ON file_changes.organization_id = release_commits.organization_id AND file_changes.commit_id = release_commits.commit_id 
WHERE release_commits.organization_id = $7::BIGINT AND release_commits.release_id = any($8::BIGINT[]) AND release_commits.position < $9::INTEGER) AS changes 
WHERE changes.name = any($10::TEXT[]);

-- suspects.list_issues
/* suspects.list_issues */ SELECT issues.id, issues.project_id, issues.platform, issues.grouping_step, issues.suspect_status, (SELECT events.body 
FROM events 
WHERE events.organization_id = $1::BIGINT AND events.issue_id = issues.id AND events.timestamp >= (SELECT min(issue_releases.first_seen) AS min_1 
FROM issue_releases 
WHERE issue_releases.organization_id = $1::BIGINT AND issue_releases.issue_id = issues.id AND issue_releases.release_id = $2::BIGINT) AND events.release_id = $2::BIGINT ORDER BY events.timestamp, events.id 
 LIMIT $3::INTEGER) AS body 
FROM issues 
WHERE issues.organization_id = $1::BIGINT AND (issues.first_release_id = $2::BIGINT OR issues.regressed_in_id = $2::BIGINT) ORDER BY issues.id DESC 
 LIMIT $4::INTEGER;

-- suspects.list_window
/* suspects.list_window */ SELECT release_projects.release_id, releases.commit_count 
FROM releases AS releases_1 JOIN release_projects ON release_projects.organization_id = releases_1.organization_id AND release_projects.project_id = $1::BIGINT JOIN releases ON releases.id = release_projects.release_id 
WHERE releases_1.organization_id = $2::BIGINT AND releases_1.id = $3::BIGINT AND release_projects.date_shown <= releases_1.shipping_date AND (release_projects.release_id = releases_1.id OR (release_projects.date_shown < releases_1.shipping_date OR release_projects.date_shown = releases_1.shipping_date AND release_projects.release_id < releases_1.id) AND releases.origin = $4::VARCHAR) ORDER BY release_projects.date_shown DESC, release_projects.release_id DESC 
 LIMIT $5::INTEGER;

-- suspects.set_status
/* suspects.set_status */ UPDATE issues SET suspect_status=anon_1.status FROM json_to_recordset(CAST($1::VARCHAR AS JSON)) AS anon_1(id BIGINT, status TEXT) WHERE issues.organization_id = $2::BIGINT AND issues.id = anon_1.id;

-- symbolication.find_by_debug_id
/* symbolication.find_by_debug_id */ SELECT anon_1.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM unnest($1::VARCHAR(45)[] COLLATE "C") AS anon_1(value) JOIN unnest($2::VARCHAR(20)[] COLLATE "C") AS anon_2(value) ON anon_2.value IS NOT NULL JOIN artifact_files ON artifact_files.organization_id = $3::BIGINT AND artifact_files.id = (SELECT artifact_files_1.id 
FROM artifact_files AS artifact_files_1 JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = $4::BIGINT 
WHERE artifact_files_1.organization_id = $3::BIGINT AND artifact_files_1.debug_id = anon_1.value AND artifact_files_1.type = anon_2.value ORDER BY artifact_bundle_projects_1.date_modified DESC, artifact_bundle_projects_1.artifact_bundle_id DESC, artifact_files_1.id 
 LIMIT $5::INTEGER) JOIN artifact_bundles ON artifact_bundles.organization_id = $3::BIGINT AND artifact_bundles.id = artifact_files.artifact_bundle_id JOIN blobs ON blobs.organization_id = $3::BIGINT AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_by_file_name
/* symbolication.find_by_file_name */ SELECT anon_1.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used, (SELECT count(DISTINCT coalesce(artifact_files_1.debug_id, CAST(artifact_files_1.id AS TEXT))) AS count_1 
FROM artifact_bundle_associations JOIN artifact_files AS artifact_files_1 ON artifact_files_1.organization_id = artifact_bundle_associations.organization_id AND artifact_files_1.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_1.file_name = anon_1.value JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = $1::BIGINT 
WHERE artifact_bundle_associations.organization_id = $2::BIGINT AND artifact_bundle_associations.version = $3::VARCHAR AND artifact_bundle_associations.dist = $4::VARCHAR AND artifact_files_1.type = $5::VARCHAR) AS file_count 
FROM unnest($6::VARCHAR(300)[] COLLATE "C") AS anon_1(value) JOIN artifact_files ON artifact_files.organization_id = $2::BIGINT AND artifact_files.id = (SELECT artifact_files_2.id 
FROM artifact_bundle_associations JOIN artifact_files AS artifact_files_2 ON artifact_files_2.organization_id = artifact_bundle_associations.organization_id AND artifact_files_2.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_2.file_name = anon_1.value JOIN artifact_bundle_projects AS artifact_bundle_projects_2 ON artifact_bundle_projects_2.organization_id = artifact_files_2.organization_id AND artifact_bundle_projects_2.artifact_bundle_id = artifact_files_2.artifact_bundle_id AND artifact_bundle_projects_2.project_id = $1::BIGINT 
WHERE artifact_bundle_associations.organization_id = $2::BIGINT AND artifact_bundle_associations.version = $3::VARCHAR AND artifact_bundle_associations.dist = $4::VARCHAR AND artifact_files_2.type = $7::VARCHAR ORDER BY artifact_bundle_projects_2.date_modified DESC, artifact_bundle_projects_2.artifact_bundle_id DESC, artifact_files_2.id 
 LIMIT $8::INTEGER) JOIN artifact_bundles ON artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = artifact_files.artifact_bundle_id JOIN blobs ON blobs.organization_id = $2::BIGINT AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_by_url
/* symbolication.find_by_url */ SELECT anon_1.value AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM unnest($1::VARCHAR(600)[] COLLATE "C") AS anon_1(value) JOIN artifact_files ON artifact_files.organization_id = $2::BIGINT AND artifact_files.id = (SELECT artifact_files_1.id 
FROM artifact_bundle_associations JOIN artifact_files AS artifact_files_1 ON artifact_files_1.organization_id = artifact_bundle_associations.organization_id AND artifact_files_1.artifact_bundle_id = artifact_bundle_associations.artifact_bundle_id AND artifact_files_1.url = anon_1.value JOIN artifact_bundle_projects AS artifact_bundle_projects_1 ON artifact_bundle_projects_1.organization_id = artifact_files_1.organization_id AND artifact_bundle_projects_1.artifact_bundle_id = artifact_files_1.artifact_bundle_id AND artifact_bundle_projects_1.project_id = $3::BIGINT 
WHERE artifact_bundle_associations.organization_id = $2::BIGINT AND artifact_bundle_associations.version = $4::VARCHAR AND artifact_bundle_associations.dist = $5::VARCHAR ORDER BY artifact_bundle_projects_1.date_modified DESC, artifact_bundle_projects_1.artifact_bundle_id DESC, artifact_files_1.id 
 LIMIT $6::INTEGER) JOIN artifact_bundles ON artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = artifact_files.artifact_bundle_id JOIN blobs ON blobs.organization_id = $2::BIGINT AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_in_bundles
/* symbolication.find_in_bundles */ SELECT artifact_files.url AS name, blobs.sha1, artifact_files.path, artifact_files.url, artifact_files.type, artifact_files.debug_id, artifact_files.source_map, artifact_files.size, artifact_bundles.date_modified, artifact_bundles.id, artifact_bundles.date_used 
FROM unnest($1::BIGINT[]) AS anon_1(value) JOIN artifact_files ON artifact_files.organization_id = $2::BIGINT AND artifact_files.artifact_bundle_id = anon_1.value AND artifact_files.url = any($3::VARCHAR(600)[] COLLATE "C") JOIN artifact_bundles ON artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = artifact_files.artifact_bundle_id JOIN blobs ON blobs.organization_id = $2::BIGINT AND blobs.id = artifact_bundles.blob_id;

-- symbolication.find_project
/* symbolication.find_project */ SELECT projects.id 
FROM projects 
WHERE projects.organization_id = $1::BIGINT AND projects.slug = $2::VARCHAR;

-- symbolication.find_release_files
/* symbolication.find_release_files */ SELECT release_files.name, blobs.sha1, release_files.headers, release_files.size, release_files.date_created 
FROM releases JOIN release_files ON release_files.organization_id = releases.organization_id AND release_files.release_id = releases.id AND release_files.dist = $1::VARCHAR AND release_files.name = any($2::VARCHAR(600)[] COLLATE "C") JOIN blobs ON blobs.organization_id = release_files.organization_id AND blobs.id = release_files.blob_id 
WHERE releases.organization_id = $3::BIGINT AND releases.version = $4::VARCHAR;

-- symbolication.renew_use
/* symbolication.renew_use */ UPDATE artifact_bundles SET date_used=$1::TIMESTAMP WITH TIME ZONE WHERE artifact_bundles.organization_id = $2::BIGINT AND artifact_bundles.id = any($3::BIGINT[]);

-- tokens.find
/* tokens.find */ SELECT tokens.id, tokens.organization_id, organizations.slug, tokens.scopes, tokens.expires_at 
FROM tokens JOIN organizations ON organizations.id = tokens.organization_id 
WHERE tokens.digest = $1::BYTEA AND tokens.revoked_at IS NULL;

-- tokens.find_active
/* tokens.find_active */ SELECT tokens.id 
FROM tokens 
WHERE tokens.id = $1::BIGINT AND tokens.revoked_at IS NULL;

-- tokens.insert
/* tokens.insert */ INSERT INTO tokens (organization_id, digest, hint, name, scopes, date_created, expires_at, revoked_at, last_used_at, maker_id) VALUES ($1::BIGINT, $2::BYTEA, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::TIMESTAMP WITH TIME ZONE, $7::TIMESTAMP WITH TIME ZONE, $8::TIMESTAMP WITH TIME ZONE, $9::TIMESTAMP WITH TIME ZONE, $10::BIGINT) RETURNING tokens.id;

-- tokens.list
/* tokens.list */ SELECT tokens.id, tokens.hint, tokens.name, tokens.scopes, tokens.date_created, tokens.expires_at, tokens.revoked_at, tokens.last_used_at, tokens.maker_id 
FROM tokens 
WHERE tokens.organization_id = $1::BIGINT ORDER BY tokens.id;

-- tokens.note_use
/* tokens.note_use */ UPDATE tokens SET last_used_at=$1::TIMESTAMP WITH TIME ZONE WHERE tokens.id = $2::BIGINT;

-- tokens.revoke
/* tokens.revoke */ UPDATE tokens SET revoked_at=$1::TIMESTAMP WITH TIME ZONE WHERE tokens.organization_id = $2::BIGINT AND tokens.id = $3::BIGINT AND tokens.revoked_at IS NULL RETURNING tokens.id;

-- tokens.revoke_with_made
/* tokens.revoke_with_made */ WITH RECURSIVE descendants(id) AS 
(SELECT tokens.id AS id 
FROM tokens 
WHERE tokens.organization_id = $2::BIGINT AND tokens.id = $3::BIGINT UNION SELECT tokens.id AS id 
FROM tokens JOIN descendants ON tokens.maker_id = descendants.id)
 UPDATE tokens SET revoked_at=$1::TIMESTAMP WITH TIME ZONE WHERE tokens.organization_id = $2::BIGINT AND tokens.id IN (SELECT descendants.id 
FROM descendants) AND tokens.revoked_at IS NULL RETURNING tokens.id;

