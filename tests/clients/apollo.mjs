// @apollo/client: relayStylePagination, a mutation that updates the cache, a failed root field beside one that answers.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { headers, print, url } from "./served.mjs";

// As docs/graphql-guide.md has it.
const WITHOUT_ID = ["VersionInfo", "VersionNumbers", "CommitStatus", "Upstream", "ReleaseComparison", "Viewer", "PageInfo",
  "ReleaseHealth", "ProjectStats", "Grouping", "IssueResolution", "EventSdk"];
const typePolicies = {
  ...Object.fromEntries(WITHOUT_ID.map((type) => [type, { merge: true }])),
  Organization: { fields: { releases: relayStylePagination(["filter"]) } },
};
const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache({ typePolicies }) });

const RELEASES = gql`
  query Releases($organization: String!, $filter: ReleaseFilter, $after: String) {
    organization(slug: $organization) {
      id
      releases(first: 3, after: $after, filter: $filter) {
        edges {
          cursor
          node {
            id
            version
          }
        }
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
      }
    }
  }
`;
const CREATE = gql`
  mutation Create($input: CreateReleaseInput!) {
    createRelease(input: $input) {
      outcome
      release {
        id
        version
      }
      userErrors {
        code
      }
    }
  }
`;

const variables = { organization: "acme", filter: { version: { startsWith: "web@" } } };
await client.query({ query: RELEASES, variables });
const watched = client.watchQuery({ query: RELEASES, variables }); // from the cache, as the second component of a page
const releases = () => client.readQuery({ query: RELEASES, variables }).organization.releases;
const versions = () => releases().edges.map((edge) => edge.node.version);
watched.subscribe(() => {});
const found = { first: versions() };
await watched.fetchMore({ variables: { after: releases().pageInfo.endCursor } });
found.second = versions();

function update(cache, { data }) {
  const { release } = data.createRelease;
  cache.updateQuery({ query: RELEASES, variables }, ({ organization }) => {
    const edge = { __typename: "ReleaseEdge", cursor: "", node: release };
    const edges = [edge, ...organization.releases.edges];
    return { organization: { ...organization, releases: { ...organization.releases, edges } } };
  });
}

const input = { organization: "acme", version: "web@3.0.0-apollo", projects: ["web"] };
const created = await client.mutate({ mutation: CREATE, variables: { input }, update });
found.outcome = created.data.createRelease.outcome;
found.updated = versions();

const PARTIAL = gql`
  query {
    organization(slug: "acme") {
      slug
    }
    organizations(first: 1000) {
      totalCount
    }
  }
`;
const partial = await client.query({ query: PARTIAL, errorPolicy: "all" });
found.partial = { data: partial.data, error: partial.error.name, errors: partial.error.errors };

// A list, a page about one release that selects other fields of the same objects, and the list again from the cache.
const LIST = gql`
  query List($organization: String!) {
    viewer {
      token {
        id
      }
    }
    organization(slug: $organization) {
      id
      projects {
        nodes {
          id
          latestRelease {
            id
            versionInfo {
              description
              version {
                raw
              }
            }
            commitStatus {
              code
            }
          }
        }
      }
    }
  }
`;
const DETAIL = gql`
  query Detail($organization: String!, $version: String!) {
    viewer {
      organizations {
        totalCount
      }
    }
    release(by: { key: { organization: $organization, version: $version } }) {
      id
      versionInfo {
        package
        version {
          major
        }
      }
      commitStatus {
        message
      }
    }
  }
`;
const listed = await client.query({ query: LIST, variables: { organization: "acme" } });
await client.query({ query: DETAIL, variables: { organization: "acme", version: "web@3.0.0-apollo" } });
found.list = {
  first: listed.data,
  again: client.readQuery({ query: LIST, variables: { organization: "acme" } }),
};
print(found);
client.stop();
