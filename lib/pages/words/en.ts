import type { AuditActorType, AuditEventType, AuditOutcome } from '../../audit/event.ts'

/** Whom and what a refusal is about. */
export interface Subject {
  email: string
  /** The name of the provider. */
  provider: string
  /** The host of this server. */
  host: string
}

/** What a page that only tells something says. */
export interface Message {
  title: string
  /** What happened and what to do. */
  paragraphs: readonly string[]
}

function ask ({ host }: Subject): string {
  return `Ask the people who run ${host}.`
}

const refusals = {
  // Of what the application asked for.
  unknownClient: () => ({
    title: 'This server does not know the application',
    paragraphs: [
      'The application’s registration is gone. That happens when it was not used for a while, or when the server was set up anew.',
      'Remove the connector or server in the application and add it again: it then registers itself once more.'
    ]
  }),
  unreadableDocument: () => ({
    title: 'The application can not be recognised',
    paragraphs: [
      'The document that describes the application can not be read, or is not valid.',
      'Try again in a few minutes. If that does not help, ask the people who make the application, or those who run this server.'
    ]
  }),
  wrongRedirect: () => ({
    title: 'The application asked for an answer at an address that is not its own',
    paragraphs: [
      'It wants to be answered at an address that it has not registered. For your safety nothing was sent there.',
      'If you came here from a link that somebody sent you, close this page. If you have just connected the application yourself, remove the connector or server there and add it again.'
    ]
  }),
  badRequest: () => ({
    title: 'The application asked for something that is not possible here',
    paragraphs: ['Nothing was shared. Go back to the application and connect once more. If that does not help, tell the people who make it what stands below.']
  }),
  denied: () => ({ title: 'You denied the request', paragraphs: ['Nothing was shared. You can close this page.'] }),

  // Of the sign-in's own way.
  otherBrowser: () => ({
    title: 'This sign-in was begun in another browser',
    paragraphs: [
      'For your safety a sign-in ends only in the browser that it was begun in, in the same window or another, with cookies allowed.',
      'If you came here from a link that somebody sent you, close this page. Else go back to the application and connect once more.'
    ]
  }),
  usedSignIn: () => ({
    title: 'This sign-in is over',
    paragraphs: ['It has been used already. If the application is connected, you can close this page. Else go back to it and connect once more.']
  }),
  expiredSignIn: () => ({
    title: 'This sign-in took too long',
    paragraphs: ['A sign-in has ten minutes, and this one is not known any more. Go back to the application and connect once more.']
  }),
  foreignForm: () => ({
    title: 'This form was not opened in this browser',
    paragraphs: ['For your safety a form counts only in the browser that it was opened in, with cookies allowed. Go back and begin once more.']
  }),
  usedForm: () => ({ title: 'This form was sent before', paragraphs: ['A form counts once. Go back and begin once more.'] }),
  expiredForm: () => ({ title: 'This page was open for too long', paragraphs: ['A page like this counts for an hour. Go back and begin once more.'] }),
  notSignedIn: ({ provider }: Subject) => ({ title: 'You did not sign in', paragraphs: [`The sign-in at ${provider} was not completed.`] }),
  notRecent: ({ provider }: Subject) => ({
    title: 'Please sign in again',
    paragraphs: [`A more recent sign-in than yours at ${provider} is asked for. Sign out there, then try again.`]
  }),
  providerDown: ({ provider }: Subject) => ({
    title: `${provider} did not answer as it should`,
    paragraphs: ['Nothing is wrong with your account. Try again in a moment.']
  }),

  // Of the person.
  'not-listed': ({ email, host }: Subject) => ({
    title: 'You are not on the list',
    paragraphs: [`You signed in as ${email}, and this address has no access here.`, `Ask the people who run ${host} to add it, or use another account.`]
  }),
  suspended: (subject: Subject) => ({ title: 'Your access is suspended', paragraphs: [`The access of ${subject.email} is suspended.`, ask(subject)] }),
  ambiguous: (subject: Subject) => ({
    title: 'Your address is on the list twice',
    paragraphs: [`${subject.email} stands on the list in more than one spelling, so nobody can sign in with it for now.`, ask(subject)]
  }),
  'other-provider': (subject: Subject) => ({
    title: 'Sign in another way',
    paragraphs: [`${subject.email} has access here, but not through ${subject.provider}. Choose the way that you used before.`, ask(subject)]
  }),
  'other-identity': (subject: Subject) => ({
    title: 'This is not the account that has access',
    paragraphs: [`Another account at ${subject.provider} signed in as ${subject.email} before.`, ask(subject)]
  }),
  'no-email': ({ provider }: Subject) => ({
    title: 'No usable e-mail address',
    paragraphs: [`${provider} did not tell an e-mail address that can be compared with the list.`, 'Use another account.']
  }),
  unverified: ({ email, provider }: Subject) => ({
    title: 'Your e-mail address is not verified',
    paragraphs: [`${provider} does not vouch that ${email} is yours. Verify the address there, then try again.`]
  }),
  'other-domain': ({ email, provider }: Subject) => ({
    title: 'Sign in another way',
    paragraphs: [`${email} can not be used through ${provider} here. Choose another way to sign in.`]
  }),
  notAdmin: ({ email }: Subject) => ({
    title: 'You are not an administrator',
    paragraphs: [`You signed in as ${email}, and this address may not administer here. Ask an administrator, or use another account.`]
  }),

  // Of a change that an administrator wants.
  lastAdmin: () => ({
    title: 'Somebody has to administer',
    paragraphs: ['This is the last administrator who has access. Make somebody else an administrator first. Nothing was changed.']
  }),
  emailTaken: ({ email }: Subject) => ({ title: 'The address is on the list already', paragraphs: [`${email} has an entry. Nothing was changed.`] }),
  badEmail: ({ email }: Subject) => ({
    title: 'This is not an e-mail address',
    paragraphs: [`“${email}” is not one plain e-mail address. Nothing was changed: go back, correct it and send it again.`]
  }),
  badEmails: ({ email }: Subject) => ({
    title: 'Some lines are not e-mail addresses',
    paragraphs: [`Nothing was added. Go back, correct these lines and send the list again: ${email}`]
  }),
  badFilter: () => ({
    title: 'This can not be looked for',
    paragraphs: ['A day is one as in 2026-11-25, a kind of event is one of the list, and a page is one that was shown here. Go back, correct it and look again.']
  }),
  gone: () => ({ title: 'This entry is gone', paragraphs: ['Somebody has removed it meanwhile. Nothing was changed.'] }),

  // Of the server.
  malformed: () => ({ title: 'This request can not be answered', paragraphs: ['Go back to the application and connect once more.'] }),
  rateLimited: () => ({ title: 'Too many requests', paragraphs: ['Too many requests came from your address. Wait a minute, then try again. You need not change anything.'] }),
  unavailable: () => ({ title: 'Please try again in a moment', paragraphs: ['The server can not answer at the moment. Nothing is wrong with your account.'] }),
  serverError: () => ({
    title: 'Something went wrong here',
    paragraphs: ['That is the server’s fault, not yours. Try again in a moment. If it stays, tell the people who run it the reference below.']
  })
} satisfies Record<string, (subject: Subject) => Message>

/** Refusals, by what happened. */
const refusalWords: Record<keyof typeof refusals, (subject: Subject) => Message> = refusals

const exactTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

const actors: Record<AuditActorType, string> = {
  user: 'somebody who signed in',
  administrator: 'an administrator',
  operator: 'the people who run this server',
  client: 'the application',
  anonymous: 'somebody who did not say who they are',
  server: 'the server'
}

const outcomes: Record<AuditOutcome, string> = { success: 'done', refused: 'refused', failed: 'failed' }

const types: Record<AuditEventType, string> = {
  access: 'Request',
  'access.answered': 'Request answered',
  'audit.dropped': 'Events were lost',
  'audit.purged': 'Old events removed',
  'audit.started': 'Server began to write events',
  'client.changed': 'Application activated or deactivated',
  'client.created': 'Application created',
  'client.refused': 'Application could not prove itself',
  'client.registered': 'Application registered',
  'client.removed': 'Unused applications removed',
  'code.issued': 'Application connected',
  'code.replayed': 'Code used twice: connection ended',
  'consent.allowed': 'Consent given',
  'consent.denied': 'Consent denied',
  'grant.revoked': 'Connection ended',
  'key.rotated': 'Signing key replaced',
  'session.ended': 'Signed out here',
  'session.started': 'Signed in here',
  'sign-in.allowed': 'Sign-in allowed',
  'sign-in.failed': 'Sign-in failed',
  'sign-in.refused': 'Sign-in refused',
  'token.issued': 'First token issued',
  'token.refreshed': 'Token renewed',
  'token.refused': 'Token refused',
  'token.replayed': 'Token used twice: connection ended',
  'token.revoked': 'Token revoked',
  'user.added': 'Person added to the list',
  'user.changed': 'Person changed',
  'user.removed': 'Person removed from the list',
  'user.unpinned': 'Another account may sign in'
}

/** What happened. */
const trail = {
  title: 'What happened',
  own: 'What happened in your name',
  ownText: 'What applications did in your name, and what changed about your access: the latest first, all times in UTC.',
  text: 'The latest first, all times in UTC.',
  ofUser: 'What happened in this name',
  ofClient: 'What happened with this application',
  user: 'Person (e-mail address or id)',
  client: 'Application (id)',
  type: 'Kind of event',
  anyType: 'all',
  from: 'From this day',
  until: 'To this day',
  show: 'Show',
  nothing: 'Nothing was found.',
  unknownUser: 'This address is not on the list, or more than once. Look for the id instead.',
  latest: 'Latest',
  older: 'Older',
  by: 'By',
  about: 'About',
  application: 'Application',
  what: 'What',
  reason: 'Why',
  address: 'From',
  userAgent: 'With',
  time: (date: Date) => exactTime.format(date),
  actors,
  outcomes,
  types
}

const longDate = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

const scopes: Record<string, string> = {
  openid: 'Know who you are',
  email: 'See your e-mail address',
  profile: 'See your name and picture',
  offline_access: 'Stay connected while you are away'
}

/** All that the pages say, in English. Other languages have the same members. */
export const en = {
  language: 'en',
  direction: 'ltr',
  refusals: refusalWords,
  scopes,
  trail,
  date: (date: Date) => longDate.format(date),
  help: 'Help',
  reference: (id: string) => `Reference: ${id}`,
  backTo: (host: string) => `Back to ${host}`,
  signInWith: (provider: string) => `Sign in with ${provider}`,
  useAnotherAccount: 'Use another account',
  tryAgain: 'Try again',
  detail: 'For those who make it:',
  steps: {
    title: 'Where to do that',
    lines: [
      ['Claude', 'Settings, Connectors: open the menu beside the connector, remove it, then “Add custom connector”'],
      ['ChatGPT', 'Settings, Apps & Connectors: open the connector, disconnect it, then create it again'],
      ['Cursor', 'Settings, Tools & MCP: log out of the server or remove it, then add it again'],
      ['VS Code', 'Command palette: “MCP: List Servers”, choose the server, “Disconnect account”, then start it again']
    ]
  },
  consent: {
    title: (name: string) => `“${name}” wants access`,
    nameless: 'An application without a name wants access',
    claim: 'The name is what the application says about itself. Nobody has checked it.',
    checkedAddress: 'Its address, which has been checked',
    accessTo: 'Access to',
    answerTo: 'Your answer is sent to',
    groups: { identity: 'It will learn about you', access: 'It will be able to', presence: 'It will go on without you' },
    isNew: 'new',
    loopback: 'The answer goes to a program on this computer. Go on only if you have just started this yourself.',
    app: 'The answer goes to an app on this device. Go on only if you have just started this yourself.',
    changed: (date: string) => `The application has changed since ${date}, when somebody last signed in with it.`,
    formerName: (name: string) => `It called itself “${name}” then.`,
    otherRedirects: 'It named other addresses for its answers then.',
    allowedBefore: (date: string) => `You allowed this on ${date}.`,
    allowedLess: (date: string) => `You allowed this application on ${date}. What is marked as new was not asked for then.`,
    next: (providers: string) => `If you allow it, you sign in with ${providers} next.`,
    or: ' or ',
    allow: (provider: string) => `Allow and sign in with ${provider}`,
    deny: 'Deny'
  },
  leaving: {
    toProvider: (provider: string) => `Going to ${provider}`,
    continueTo: (provider: string) => `Continue to ${provider}`,
    signedIn: 'You are signed in',
    toApp: 'Return to the application',
    close: 'The application should come to the front by itself. If it has, you can close this tab.'
  },
  account: {
    title: 'Your connected applications',
    signInTitle: 'See what you have connected',
    signInText: (host: string) => `Sign in to see which applications have access to ${host} in your name, and to end it.`,
    signedInAs: (email: string) => `You are signed in as ${email}.`,
    none: 'No application has access in your name.',
    host: 'Known by',
    answers: 'Answers go to',
    may: 'It may',
    first: 'Connected',
    last: 'Last used',
    until: 'Ends by itself',
    end: (name: string) => `End the access of ${name}`,
    endAll: 'End all access',
    ended: 'The access has ended.',
    nameless: 'an application without a name',
    registered: 'only the name that it gave itself',
    signOut: 'Sign out',
    back: 'Back to your applications'
  },
  admin: {
    title: 'Administration',
    signInText: (host: string) => `Sign in as an administrator of ${host}.`,
    users: 'People',
    clients: 'Applications',
    search: 'Search',
    searchUsers: 'Search addresses and names',
    searchClients: 'Search names and ids',
    nobody: 'Nobody was found.',
    nothing: 'No application was found.',
    next: 'Next page',
    previous: 'Previous page',
    email: 'E-mail address',
    name: 'Name',
    role: 'Role',
    status: 'Access',
    lastLogin: 'Last sign-in',
    never: 'never',
    roles: { user: 'user', admin: 'administrator' },
    statuses: { active: 'active', suspended: 'suspended' },
    add: 'Add somebody',
    addButton: 'Add',
    asAdmin: 'as an administrator',
    import: 'Add a list',
    importLabel: 'E-mail addresses, one a line',
    importButton: 'Add all',
    pinned: 'Signs in with',
    unpinned: 'any provider, until the first sign-in',
    connections: 'Connected applications',
    noConnections: 'No application has access in this name.',
    clientId: 'Id',
    created: 'Since',
    secret: 'Has a secret',
    yes: 'yes',
    no: 'no',
    redirects: 'Answers go to',
    fresh: (minutes: number) => `You have signed in just now: changes count at once for ${minutes} more ${minutes === 1 ? 'minute' : 'minutes'}.`,
    stale: 'Before a change you will be asked to sign in again.',
    confirmTitle: 'Confirm the change',
    confirmProven: 'You have signed in again. This is what you wanted to change:',
    confirmUnproven: 'Your provider does not say when you signed in, so take this as a second look at what you wanted to change:',
    confirm: 'Do it',
    discard: 'Do not',
    again: 'Sign in again to go on',
    againText: 'A change needs a sign-in of the last five minutes. What you wanted to change is kept and shown to you afterwards:',
    changes: {
      'add-user': 'Add',
      'import-users': 'Add all of these',
      suspend: 'Suspend',
      activate: 'Give access again',
      promote: 'Make an administrator',
      demote: 'Make an ordinary user',
      unpin: 'Let another account sign in',
      'remove-user': 'Remove from the list',
      'end-connection': 'End the access of an application',
      'end-connections': 'End all access of applications',
      'deactivate-client': 'Deactivate',
      'activate-client': 'Activate'
    },
    done: 'Done.',
    imported: (added: string) => `Added: ${added}.`,
    back: 'Back to the administration'
  }
}
