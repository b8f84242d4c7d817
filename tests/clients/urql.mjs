// @urql/core: a query (urql asks by GET where it can), a mutation, a userError, a whole request refused.
import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";

import { headers, print, url } from "./served.mjs";

const open = (fetchOptions) => new Client({ url, exchanges: [cacheExchange, fetchExchange], fetchOptions });
const client = open({ headers });

const RELEASE = gql`
  query Release($by: ReleaseBy!) {
    release(by: $by) {
      id
      version
      url
    }
  }
`;
const CREATE = gql`
  mutation Create($input: CreateReleaseInput!) {
    createRelease(input: $input) {
      outcome
      release {
        id
        url
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;
const CHANGE = gql`
  mutation Change($input: UpdateReleaseInput!) {
    updateRelease(input: $input) {
      release {
        id
        url
      }
    }
  }
`;

const version = "web@3.0.0-urql";
const by = { key: { organization: "acme", version } };
const ask = async (one) => (await one.query(RELEASE, { by }).toPromise()).data.release?.url;
const create = async (projects) => {
  const result = await client.mutation(CREATE, { input: { organization: "acme", version, projects, url: "https://a.example" } });
  return { error: result.error?.message ?? null, ...result.data.createRelease };
};

const found = { refused: await create(["web", "nothing"]) };
found.absent = (await client.query(RELEASE, { by }).toPromise()).data.release;
found.created = (await create(["web"])).outcome;
await client.mutation(CHANGE, { input: { release: by, url: "https://b.example" } }).toPromise();
found.changed = await ask(open({ headers }));
const wrong = await open({ headers: { authorization: "Bearer wrong" } }).query(RELEASE, { by }).toPromise();
found.wrong = { status: wrong.error.response.status, codes: wrong.error.graphQLErrors.map((one) => one.extensions.code) };
const post = new Client({ url, exchanges: [fetchExchange], fetchOptions: { headers }, preferGetMethod: false });
const get = new Client({ url, exchanges: [fetchExchange], fetchOptions: { headers }, preferGetMethod: "force" });
found.methods = [await ask(post), await ask(get)];
print(found);
