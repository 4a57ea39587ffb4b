import { InvalidOptionError, StorageUnavailableError } from '../../errors.ts'

// Node's socket and resolver errors; ENOENT is a Unix socket whose server is gone.
const socketCodes = new Set([
  'EAI_AGAIN', 'ECONNABORTED', 'ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'ENOTFOUND', 'EPIPE', 'ETIMEDOUT'
])

// Connection exceptions, a lack of resources, a server that shuts down, crashes, starts, gives up a query or has become a standby.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const sqlStates = /^(?:08[0-9A-Z]{3}|53[0-9A-Z]{3}|57P0[1235]|57014|25006)$/

// No such database, a wrong password, and a role that is not there or not let in.
const misdirected = new Set(['3D000', '28P01', '28000'])

// What pg, pg-pool and PGlite say without a code.
const messages = /^(?:Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout|PGlite is clos)/

/** Waits for an answer of the database; that there is none becomes `StorageUnavailableError`. */
export async function answerOf<T> (answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw translate(error)
  }
}

/** The SQLSTATE of a database's error, or the code of a socket's. */
export function errorCode (error: unknown): unknown {
  return Object(error).code
}

function translate (error: unknown): unknown {
  const code = String(errorCode(error) ?? '')
  const message = String(Object(error).message)
  if (socketCodes.has(code) || sqlStates.test(code) || messages.test(message)) {
    return new StorageUnavailableError({ reason: code || message, cause: error })
  }
  if (!misdirected.has(code)) return error
  return new InvalidOptionError('database', `${message}; correct the address that you connect with (DATABASE_URL)`, { cause: error })
}
