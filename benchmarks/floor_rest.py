"""A release as the REST API shows it, for the floor on PostgreSQL."""

from __future__ import annotations

from typing import Any

COLUMNS = """r.id, r.version, r.status, r.ref, r.url, r.date_released, r.date_created, r.commit_count, r.deploy_count, r.user_agent,
 r.package, r.raw, r.major, r.minor, r.patch, r.pre, r.build_code, r.components, r.description, r.build_hash,
 c.sha, c.message, c.timestamp, c.id, g.id, g.name, g.date_created, a.name, a.email,
 d.id, e.name, d.date_started, d.date_finished, d.name, d.url, lower(d.status), d.external_id, b.version"""
ID, CREATED = 0, 6
SOURCES = """releases r LEFT JOIN commits c ON c.id = r.last_commit_id LEFT JOIN repositories g ON g.id = c.repository_id
LEFT JOIN commit_authors a ON a.id = c.author_id LEFT JOIN deploys d ON d.id = r.last_deploy_id
LEFT JOIN environments e ON e.id = d.environment_id LEFT JOIN releases b ON b.id = d.previous_release_id"""
HAS_PROJECT = "EXISTS (SELECT 1 FROM release_projects x WHERE x.organization_id = r.organization_id AND x.release_id = r.id)"
PROVIDER = {"id": "unknown", "name": "Unknown Provider"}


def rest_release(row: Any, authors: Any, projects: Any, mentions: Any) -> dict[str, Any]:
    """Show a release: a row of COLUMNS, and its lists."""
    (
        number, version, status, ref, url, released, created, commit_count, deploy_count, user_agent, package, raw, major, minor,
        patch, pre, build, components, description, build_hash, sha, message, timestamp, _, repository, repository_name,
        repository_date, author_name, author_email, deploy, environment, started, finished, deploy_name, deploy_url,
        deploy_status, external_id, before,
    ) = row  # fmt: skip
    return {
        "id": number, "version": version, "status": status.lower(), "shortVersion": version,
        "versionInfo": {"package": package, "version": {
            "raw": raw, "major": int(major), "minor": int(minor), "patch": int(patch), "pre": pre, "buildCode": build,
            "components": components,
        }, "description": description, "buildHash": build_hash},
        "ref": ref, "url": url, "dateReleased": released, "dateCreated": created, "data": {}, "newGroups": 0, "owner": None,
        "commitCount": commit_count,
        "lastCommit": {
            "id": sha, "message": message, "dateCreated": timestamp, "pullRequest": None, "suspectCommitType": "",
            "repository": {
                "id": str(repository), "name": repository_name, "url": None, "provider": PROVIDER, "status": "active",
                "dateCreated": repository_date, "integrationId": None, "externalSlug": None, "externalId": None,
            },
            "author": {"name": author_name, "email": author_email} if author_email else {}, "releases": mentions,
        } if sha else None,
        "deployCount": deploy_count,
        "lastDeploy": {
            "id": str(deploy), "environment": environment, "dateStarted": started, "dateFinished": finished,
            "name": deploy_name, "url": deploy_url, "status": deploy_status, "externalId": external_id, "previousRelease": before,
        } if deploy else None,
        "authors": authors, "projects": projects, "firstEvent": None, "lastEvent": None, "currentProjectMeta": {},
        "userAgent": user_agent,
    }  # fmt: skip
