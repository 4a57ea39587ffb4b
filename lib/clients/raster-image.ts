/** In pixels. */
export interface ImageSize {
  width: number
  height: number
}

/** Undefined where the bytes are not such an image, or one that moves. */
type HeaderReader = (bytes: Buffer) => ImageSize | undefined

/** More scans than any encoder makes: each one goes over the whole image again, at the price of a few bytes. */
const mostScans = 100

const pngBegins = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

/** What has an `acTL` chunk before its data moves. PNG §5, §11.2.1, §11.3.6.1. */
function readPng (bytes: Buffer): ImageSize | undefined {
  if (!bytes.subarray(0, pngBegins.length).equals(pngBegins)) return undefined
  for (let at = 8; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (type === 'acTL') return undefined
    if (type === 'IDAT') return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  }
  return undefined
}

/** Baseline, extended sequential and progressive, Huffman-coded: what browsers decode. ITU-T T.81 table B.1. */
const startsOfFrame = new Set([0xc0, 0xc1, 0xc2])
/** DHT, DQT, DRI, APP0 to APP15 and COM. */
const isSegmentBefore = (marker: number) => [0xc4, 0xdb, 0xdd, 0xfe].includes(marker) || (marker & 0xf0) === 0xe0

function countScans (bytes: Buffer): number {
  let scans = 0
  for (let at = bytes.indexOf('ffda', 0, 'hex'); at >= 0; at = bytes.indexOf('ffda', at + 2, 'hex')) scans++
  return scans
}

/** ITU-T T.81 §B.1.1, §B.2.2. */
function readJpeg (bytes: Buffer): ImageSize | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined
  for (let at = 2; at + 9 <= bytes.length; at += 2 + bytes.readUInt16BE(at + 2)) {
    const marker = bytes.readUInt8(at + 1)
    if (bytes[at] !== 0xff) return undefined
    if (startsOfFrame.has(marker)) {
      return countScans(bytes) > mostScans ? undefined : { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
    }
    if (!isSegmentBefore(marker)) return undefined
  }
  return undefined
}

/** By the name of the chunk, of which no more than the first ten bytes are needed. */
const frameReaders = new Map<string, HeaderReader>([
  // A key frame. The upper two bits of each side only scale. RFC 6386 §9.1.
  ['VP8 ', data => {
    const isKeyFrame = (data.readUInt8(0) & 1) === 0 && data.readUIntBE(3, 3) === 0x9d012a
    return isKeyFrame ? { width: data.readUInt16LE(6) & 0x3fff, height: data.readUInt16LE(8) & 0x3fff } : undefined
  }],
  // RFC 9649 §3.4.
  ['VP8L', data => {
    const bits = data.readUInt32LE(1)
    return data.readUInt8(0) === 0x2f ? { width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1 } : undefined
  }]
])

/** RFC 9649 §2.7.1. */
function readCanvas (data: Buffer): ImageSize | undefined {
  const isAnimated = (data.readUInt8(0) & 2) !== 0
  return isAnimated ? undefined : { width: data.readUIntLE(4, 3) + 1, height: data.readUIntLE(7, 3) + 1 }
}

/** A canvas has to be as large as the one frame on it. RFC 9649 §2.3 to §2.7. */
function readWebp (bytes: Buffer): ImageSize | undefined {
  if (bytes.length < 30 || bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP') return undefined
  const isExtended = bytes.toString('latin1', 12, 16) === 'VP8X'
  const canvas = isExtended ? readCanvas(bytes.subarray(20)) : undefined
  for (let at = 12; at + 18 <= bytes.length; at += 8 + 2 * Math.ceil(bytes.readUInt32LE(at + 4) / 2)) {
    const readFrame = frameReaders.get(bytes.toString('latin1', at, at + 4))
    if (readFrame === undefined) continue
    const frame = readFrame(bytes.subarray(at + 8))
    return !isExtended || (canvas?.width === frame?.width && canvas?.height === frame?.height) ? frame : undefined
  }
  return undefined
}

const readers = new Map<string, HeaderReader>([['image/png', readPng], ['image/jpeg', readJpeg], ['image/webp', readWebp]])

/**
 * How large a PNG, JPEG or WebP image says it is, by its first bytes alone: it is not decoded.
 *
 * @param type its media type; the bytes have to begin as one of that type does
 * @returns undefined where they do not, where the image moves, or where it is of another type.
 * @see [PNG §11.2.1](https://www.w3.org/TR/png-3/#11IHDR), [ITU-T T.81 §B.2.2](https://www.w3.org/Graphics/JPEG/itu-t81.pdf),
 *   [RFC 9649 §2](https://www.rfc-editor.org/rfc/rfc9649.html#section-2)
 */
export function imageSize (type: string, bytes: Buffer): ImageSize | undefined {
  const size = readers.get(type)?.(bytes)
  return size === undefined || size.width === 0 || size.height === 0 ? undefined : size
}
