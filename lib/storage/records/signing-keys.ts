/** A key pair whose public half is published. */
export interface SigningKey {
  /** The `kid`. */
  id: string
  algorithm: 'RS256' | 'ES256' | 'EdDSA'
  /** The private key, encrypted by the caller. */
  sealed: string
  /** In seconds: the longest that a token which it signs may live. */
  tokenLifetime: number
  createdAt: Date
  /** From when it signs. */
  signsFrom: Date
  /** Null while it is the one that its algorithm uses now or next. */
  retiredAt: Date | null
}
