/** Why a client's metadata document, or a file that it names, can't be used, in words for the operator. */
export class ClientDocumentError extends Error {
  /** Whether it says nothing about the file: the next attempt may find it as it was. */
  readonly isTemporary: boolean

  constructor (message: string, { isTemporary, ...options }: ErrorOptions & { isTemporary: boolean }) {
    super(message, options)
    this.name = 'ClientDocumentError'
    this.isTemporary = isTemporary
  }
}
