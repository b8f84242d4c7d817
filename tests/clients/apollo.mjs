// @apollo/client: relayStylePagination, a mutation that updates the cache, a failed root field beside one that answers.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { headers, print, url } from "./served.mjs";

const typePolicies = { Organization: { keyFields: ["slug"], fields: { releases: relayStylePagination(["filter"]) } } };
const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache({ typePolicies }) });

const RELEASES = gql`
  query Releases($organization: String!, $filter: ReleaseFilter, $after: String) {
    organization(slug: $organization) {
      slug
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
print(found);
client.stop();
