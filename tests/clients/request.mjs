// graphql-request: a query with variables, a mutation, and an error as it is thrown.
import { ClientError, GraphQLClient, gql } from "graphql-request";

import { headers, print, url } from "./served.mjs";

const client = new GraphQLClient(url, { headers });
const RELEASES = gql`
  query Releases($organization: String!, $first: Int, $orderBy: ReleaseOrder) {
    organization(slug: $organization) {
      releases(first: $first, orderBy: $orderBy) {
        totalCount
        nodes {
          version
        }
      }
    }
  }
`;
const variables = { organization: "acme", first: 2, orderBy: { field: "DATE_CREATED", direction: "ASC" } };

async function fail(document, given) {
  try {
    return await client.request(document, given);
  } catch (error) {
    const codes = error.response.errors.map((one) => one.extensions?.code ?? null);
    return { thrown: error instanceof ClientError, status: error.response.status, codes, data: error.response.data };
  }
}

const found = await client.request(RELEASES, variables);
found.argument = await fail(RELEASES, { ...variables, first: 1000 });
found.syntax = await fail("query { nothing }");
found.variable = await fail(RELEASES, { first: 1 });
print(found);
