import t from 'tap'
import { InvalidOptionError, OAuthError, StorageUnavailableError, type OAuthErrorCode } from '../../lib/errors.ts'

const statusCodes: ReadonlyArray<[statusCode: number, codes: readonly OAuthErrorCode[]]> = [
  [400, ['invalid_client_metadata', 'invalid_grant', 'invalid_redirect_uri', 'invalid_request', 'invalid_scope', 'invalid_target', 'unauthorized_client', 'unsupported_grant_type', 'unsupported_response_type']],
  [401, ['invalid_client', 'invalid_token']],
  [403, ['access_denied', 'insufficient_scope']],
  [500, ['server_error']],
  [503, ['temporarily_unavailable']]
]

t.test('TK-07: every error of the protocol has its status', async t => {
  for (const [statusCode, codes] of statusCodes) {
    for (const code of codes) t.match(new OAuthError(code, 'Words'), { name: 'OAuthError', code, statusCode, message: 'Words' }, code)
  }
  t.equal(new OAuthError('invalid_client', 'Words', { statusCode: 400 }).statusCode, 400, 'unless it says otherwise')
})

t.test('TK-07: the reason is beside the words, not in them', async t => {
  const error = new OAuthError('invalid_grant', 'Words', { cause: 'a reason' })
  t.equal(error.cause, 'a reason')
  t.equal(error.message, 'Words')
  t.notOk('cause' in new OAuthError('invalid_grant', 'Words'))
})

t.test('an invalid option is named first', async t => {
  const cause = new Error('x')
  const error = new InvalidOptionError('secret', 'is missing', { cause })
  t.match(error, { name: 'InvalidOptionError', option: 'secret', message: 'secret: is missing' })
  t.equal(error.cause, cause)
})

t.test('a storage that is unavailable is known by its name', async t => {
  const cause = new Error('ECONNREFUSED')
  const error = new StorageUnavailableError({ cause })
  t.match(error, { name: 'StorageUnavailableError', message: 'The storage is unavailable' })
  t.equal(error.cause, cause)
})
