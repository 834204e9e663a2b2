// An identity provider for the console's tests: the npm package oidc-provider with its development pages, where any password does.
// Usage: node provider.mjs FOLDER-OF-NODE_MODULES PORT CERTIFICATE KEY CONSOLE-URL TOKEN-SECONDS
import { createServer } from 'node:https';
import { readFileSync } from 'node:fs';

const [, , modules, port, certificate, key, consoleUrl, seconds] = process.argv;
const { default: Provider } = await import(`${modules}/oidc-provider/lib/index.js`);

// Of each login the groups; "short" has a token that is over in 20 s: enough for a page on a busy machine.
const groups = { jo: ['web'], kim: ['admins', 'everyone'], vi: ['everyone'], short: ['everyone'], lee: ['everyone'], eve: ['strangers'], '<b onclick=alert(1)>': ['everyone'] };
const issuer = `https://localhost:${port}`;
const provider = new Provider(issuer, {
    clients: [{
        client_id: 'overture-console', client_secret: process.env.CLIENT_SECRET ?? 'a-secret-of-tests', token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['authorization_code'], response_types: ['code'], redirect_uris: [`${consoleUrl}/provider/done`],
    }],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, groups: groups[id] ?? [] }) }),
    ttl: { IdToken: (_, token) => (token.available?.sub === 'short' ? 20 : Number(seconds)), AccessToken: 60, AuthorizationCode: 60, Session: 3600, Grant: 3600, Interaction: 600 },
    cookies: { keys: ['only for tests'] },
});
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback())
    .listen(Number(port), '127.0.0.1', () => console.log('listening'));
