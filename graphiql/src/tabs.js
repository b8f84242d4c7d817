// The first tabs: operations that work on the demo (`gql-releases demo`).
const releases = `# The newest releases of an organization, with what belongs to them.
# Each list is a page: ask for its pageInfo and hand endCursor to \`after\` for the next.
query Releases($organization: String!, $first: Int = 10, $filter: ReleaseFilter, $orderBy: ReleaseOrder) {
  organization(slug: $organization) {
    releases(first: $first, filter: $filter, orderBy: $orderBy) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes {
        version
        dateCreated
        dateReleased
        projects(first: 5) { nodes { slug } }
        lastCommit { sha message author { name } }
        deploys(first: 5) { nodes { environment { name } dateFinished } }
        commits(first: 5) { totalCount nodes { sha message } }
      }
    }
  }
}
`;

const release = `# One release, by the version that people know it by.
query ReleaseByVersion($by: ReleaseBy!) {
  release(by: $by) {
    id
    version
    ref
    url
    status
    dateReleased
    versionInfo { package description version { major minor patch pre buildCode } }
    authors(first: 5) { nodes { name email } }
    commits(first: 20) { nodes { sha message fileChanges(first: 10) { nodes { path type } } } }
    headCommits(first: 5) { nodes { repository { name } commit { sha } } }
  }
}
`;

const viewer = `# Who asks: the token, and what it opens.
query Viewer {
  viewer {
    token { name scopes expiresAt }
    organizations(first: 10) { nodes { slug name projects(first: 10) { nodes { slug } } } }
  }
}
`;

const create = `# Creates a release; run it twice, and the outcome becomes EXISTING.
# What is wrong with the input stands in userErrors, with its path.
mutation CreateRelease($input: CreateReleaseInput!) {
  createRelease(input: $input) {
    outcome
    ignoredFields
    release { id version commitCount lastCommit { sha } }
    userErrors { code message field }
  }
}
`;

const text = (variables) => JSON.stringify(variables, null, 2);

export const tabs = [
  {
    query: releases,
    variables: text({
      organization: "acme",
      first: 10,
      filter: { project: "web", status: "OPEN" },
      orderBy: { field: "DATE_CREATED", direction: "DESC" },
    }),
  },
  { query: release, variables: text({ by: { key: { organization: "acme", version: "web@1.4.0+77" } } }) },
  { query: viewer },
  {
    query: create,
    variables: text({
      input: {
        organization: "acme",
        version: "web@9.9.9+1",
        projects: ["web"],
        commits: [
          {
            sha: "6ba09a7c53235ee8a8fa5ee4c1ca8ca886e7fdbb",
            repository: "acme/web",
            message: "Fix the total",
            authorName: "Ada",
            authorEmail: "ada@example.com",
            timestamp: "2026-11-19T08:00:00+01:00",
            fileChanges: [{ path: "src/total.ts", type: "MODIFIED" }],
          },
        ],
      },
    }),
  },
];
