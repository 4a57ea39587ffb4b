import type { AdmissionRefusal } from '../grants/sign-in.ts'

interface Words {
  title: string
  paragraphs: readonly string[]
}

/** What a person reads whose sign-in worked but who may not go on. */
export function admissionWords (refusal: AdmissionRefusal, email: string, provider: string, host: string): Words {
  const ask = `Ask the people who run ${host}.`
  const words: Record<AdmissionRefusal, Words> = {
    'not-listed': {
      title: 'You are not on the list',
      paragraphs: [
        `You signed in as ${email}, and this address has no access here.`,
        `Ask the people who run ${host} to add it, or go back and sign in with another account.`
      ]
    },
    suspended: {
      title: 'Your access is suspended',
      paragraphs: [`The access of ${email} is suspended.`, ask]
    },
    ambiguous: {
      title: 'Your address is on the list twice',
      paragraphs: [`${email} stands on the list in more than one spelling, so nobody can sign in with it for now.`, ask]
    },
    'other-provider': {
      title: 'Sign in another way',
      paragraphs: [`${email} has access here, but not through ${provider}. Go back and choose the way that you used before.`, ask]
    },
    'other-identity': {
      title: 'This is not the account that has access',
      paragraphs: [`Another account at ${provider} signed in as ${email} before.`, ask]
    },
    'no-email': {
      title: 'No usable e-mail address',
      paragraphs: [`${provider} did not tell an e-mail address that can be compared with the list.`, 'Go back and sign in with another account.']
    },
    unverified: {
      title: 'Your e-mail address is not verified',
      paragraphs: [`${provider} does not vouch that ${email} is yours. Verify the address there, then go back and try again.`]
    },
    'other-domain': {
      title: 'Sign in another way',
      paragraphs: [`${email} can not be used through ${provider} here. Go back and choose another way to sign in.`]
    }
  }
  return words[refusal]
}
