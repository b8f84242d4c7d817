// What relay-compiler reads. A page would import these; run.mjs takes the artifacts, as babel-plugin-relay would.
import { graphql } from "relay-runtime";

graphql`
  query ReleasesQuery($slug: String!, $filter: ReleaseFilter) {
    organization(slug: $slug) {
      name
      ...Releases_organization @arguments(filter: $filter)
    }
  }
`;

graphql`
  fragment Releases_organization on Organization
  @refetchable(queryName: "ReleasesPaginationQuery")
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 3 }
    after: { type: "String" }
    filter: { type: "ReleaseFilter" }
  ) {
    releases(first: $first, after: $after, filter: $filter) @connection(key: "Releases_releases") {
      __id
      edges {
        node {
          ...Releases_release
          version
        }
      }
    }
  }
`;

graphql`
  fragment Releases_release on Release {
    id
    dateCreated
    versionInfo {
      version {
        major
      }
    }
  }
`;

graphql`
  mutation ReleasesCreateMutation($input: CreateReleaseInput!, $connections: [ID!]!) {
    createRelease(input: $input) {
      outcome
      release @appendNode(connections: $connections, edgeTypeName: "ReleaseEdge") {
        ...Releases_release
        version
      }
      userErrors {
        code
        field
      }
    }
  }
`;

graphql`
  mutation ReleasesDeleteMutation($input: DeleteReleaseInput!) {
    deleteRelease(input: $input) {
      deletedReleaseId @deleteRecord
      userErrors {
        code
      }
    }
  }
`;
