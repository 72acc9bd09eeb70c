/** The five directory examples of Stalwart's documentation (0.10 to 0.15), as they were written there. */
export const examples = {
  'oidc-userinfo': `
[directory."oidc-userinfo"]
type = "oidc"
timeout = "1s"
endpoint.url = "https://accounts.example.org/userinfo"
endpoint.method = "userinfo"
fields.email = "email"
fields.username = "preferred_username"
fields.full-name = "name"
`,
  'oidc-introspect-none': `
[directory."oidc-introspect-none"]
type = "oidc"
timeout = "1s"
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "none"
fields.email = "email"
fields.username = "preferred_username"
fields.full-name = "name"
`,
  'oidc-introspect-basic': `
[directory."oidc-introspect-basic"]
type = "oidc"
timeout = "1s"
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "basic"
auth.username = "myuser"
auth.secret = "mypass"
fields.email = "email"
fields.username = "preferred_username"
fields.full-name = "name"
`,
  'oidc-introspect-token': `
[directory."oidc-introspect-token"]
type = "oidc"
timeout = "1s"
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "token"
auth.token = "token_of_gratitude"
fields.email = "email"
fields.username = "preferred_username"
fields.full-name = "name"
`,
  'oidc-introspect-user-token': `
[directory."oidc-introspect-user-token"]
type = "oidc"
timeout = "1s"
endpoint.url = "https://accounts.example.org/introspect"
endpoint.method = "introspect"
auth.method = "user-token"
fields.email = "email"
fields.username = "preferred_username"
fields.full-name = "name"
`,
}
