/** Whole groups of four; then what two or three characters say without bits to spare. */
const canonical = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

/** Whether a text is base64url, without padding, in the one spelling that its bytes have. RFC 4648 §3.5, §5. */
export function isBase64url (text: string): boolean {
  return text !== '' && canonical.test(text)
}

/** JSON as a part of a JWT. RFC 7515 §2. */
export function encodeJson (value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
