import t from 'tap'
import { imageSize } from '../../lib/clients/raster-image.ts'
import { changed, inserted, jpeg, png, pngOf, sampleImages, sampleSize, webpExtended, webpLossless, webpLossy } from '../fixtures/images.ts'

const types = ['image/png', 'image/jpeg', 'image/webp']
const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="24" height="16"><script>alert(1)</script></svg>')

/** Where something is in an image of which it is known that it is there. */
function positionOf (image: Buffer, hex: string): number {
  const at = image.indexOf(hex, 0, 'hex')
  if (at < 0) throw new Error(`${hex} is not there`)
  return at
}

const frameAt = positionOf(jpeg, 'ffc0')
const scanAt = positionOf(jpeg, 'ffda')
/** Other kinds of frames, and markers that have no place before one. */
const otherMarkers = [0xc3, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd8, 0xd9, 0xda, 0xdc, 0xf0, 0xff, 0x00, 0x01]
const dataAt = png.indexOf('IDAT') - 4

t.test('REG-04: an image is one by its bytes, and of the type that they are', async t => {
  for (const { type, bytes } of sampleImages) {
    t.strictSame(imageSize(type, bytes), sampleSize, type)
    for (const other of [...types, 'image/svg+xml', 'image/gif', 'text/html', ''].filter(each => each !== type)) t.equal(imageSize(other, bytes), undefined, `${type} as ${other}`)
  }
  for (const type of types) {
    for (const bytes of [svg, Buffer.from(`<?xml version="1.0"?>${svg}`), Buffer.from('GIF89a\x18\0\x10\0\x80\0\0'), Buffer.from('<!doctype html><p>'.repeat(10)), Buffer.alloc(0), Buffer.alloc(100)]) {
      t.equal(imageSize(type, bytes), undefined, `${type}: ${JSON.stringify(bytes.toString('latin1', 0, 12))}`)
    }
  }
})

t.test('an image that ends before it says how large it is', async t => {
  const needed = [dataAt + 8, frameAt + 9, 30, 30, webpExtended.indexOf('VP8 ') + 18]
  for (const [index, { type, bytes }] of sampleImages.entries()) {
    const least = needed[index] ?? 0
    t.strictSame(imageSize(type, bytes.subarray(0, least)), sampleSize, type)
    t.equal(imageSize(type, bytes.subarray(0, least - 1)), undefined, type)
  }
})

t.test('PNG §5: signature and IHDR come first, the data in the end', async t => {
  for (let at = 0; at < 16; at++) t.equal(imageSize('image/png', changed(png, at, 0x55)), undefined, `byte ${at}`)
  t.strictSame(imageSize('image/png', pngOf(1, 2)), { width: 1, height: 2 })
  t.strictSame(imageSize('image/png', pngOf(0xffffffff, 0x80000000)), { width: 0xffffffff, height: 0x80000000 })
  for (const [width, height] of [[0, 16], [24, 0]] as const) t.equal(imageSize('image/png', pngOf(width, height)), undefined, `${width} x ${height}`)
  t.equal(imageSize('image/png', Buffer.concat([png.subarray(0, dataAt), png.subarray(png.indexOf('IEND') - 4)])), undefined, 'no IDAT')
})

t.test('PNG §11.3.6: one that moves is refused', async t => {
  const control = Buffer.from('000000086163544c000000020000000000000000', 'hex')
  t.equal(imageSize('image/png', inserted(png, dataAt, control)), undefined)
  t.equal(imageSize('image/png', inserted(png, dataAt, Buffer.from('00000003tEXta=b0000', 'latin1').fill(0, 0, 3).fill(3, 3, 4), control)), undefined, 'after another chunk')
})

t.test('ITU-T T.81 §B.2.2: the size is that of the frame, of a kind that browsers decode', async t => {
  for (const marker of [0xc0, 0xc1, 0xc2]) t.strictSame(imageSize('image/jpeg', changed(jpeg, frameAt + 1, marker)), sampleSize, marker.toString(16))
  for (const marker of otherMarkers) t.equal(imageSize('image/jpeg', changed(jpeg, frameAt + 1, marker)), undefined, marker.toString(16))
  t.strictSame(imageSize('image/jpeg', changed(jpeg, frameAt + 5, 0xff, 0xfe, 0xfd, 0xfc)), { height: 0xfffe, width: 0xfdfc })
  for (const side of [5, 7]) t.equal(imageSize('image/jpeg', changed(jpeg, frameAt + side, 0, 0)), undefined, 'a side that is said later, or not at all')
})

t.test('ITU-T T.81 §B.1.1: segments come one after the other, and nothing between them', async t => {
  for (const at of [0, 1, 2]) t.equal(imageSize('image/jpeg', changed(jpeg, at, 0x55)), undefined, `byte ${at}`)
  t.equal(imageSize('image/jpeg', inserted(jpeg, frameAt, Buffer.from([0]))), undefined)
  const withSegment = (marker: number) => imageSize('image/jpeg', inserted(jpeg, frameAt, Buffer.from([0xff, marker, 0, 6, 0xff, 0xc0, 0, 0])))
  for (const marker of [0xc4, 0xdb, 0xdd, 0xe0, 0xe1, 0xe2, 0xef, 0xfe]) t.strictSame(withSegment(marker), sampleSize, `${marker.toString(16)}: what a segment holds is no frame`)
  for (const marker of otherMarkers) t.equal(withSegment(marker), undefined, `${marker.toString(16)} is none that comes before a frame`)
})

t.test('a few bytes that go over the whole image again and again are refused', async t => {
  const scan = Buffer.from('ffda0008010100013f100001', 'hex')
  const scans = (times: number) => imageSize('image/jpeg', inserted(jpeg, scanAt, ...Array<Buffer>(times).fill(scan)))
  t.strictSame(scans(99), sampleSize)
  t.equal(scans(100), undefined)
})

t.test('RFC 6386 §9.1: lossy WebP is a key frame with its start code', async t => {
  for (const at of [...'RIFF'.split('').keys(), 8, 9, 10, 11, 12, 13, 14, 15, 23, 24, 25]) t.equal(imageSize('image/webp', changed(webpLossy, at, 0x55)), undefined, `byte ${at}`)
  t.equal(imageSize('image/webp', changed(webpLossy, 20, 0xd1)), undefined, 'another frame than a key frame')
  t.strictSame(imageSize('image/webp', changed(webpLossy, 26, 0xff, 0xff, 0x01, 0xc0)), { width: 0x3fff, height: 1 }, 'the upper bits scale')
  t.equal(imageSize('image/webp', changed(webpLossy, 26, 0, 0xc0)), undefined)
})

t.test('RFC 9649 §3.4: lossless WebP has 14 bits for each side', async t => {
  t.equal(imageSize('image/webp', changed(webpLossless, 20, 0x2e)), undefined)
  t.strictSame(imageSize('image/webp', changed(webpLossless, 21, 0xff, 0xff, 0xff, 0x0f)), { width: 0x4000, height: 0x4000 })
  t.strictSame(imageSize('image/webp', changed(webpLossless, 21, 0, 0, 0, 0)), { width: 1, height: 1 })
})

t.test('RFC 9649 §2.7: an extended WebP does not move, and its canvas is as large as its frame', async t => {
  const flagsAt = 20
  t.equal(imageSize('image/webp', changed(webpExtended, flagsAt, 0x12)), undefined, 'it moves')
  t.strictSame(imageSize('image/webp', changed(webpExtended, flagsAt, 0x3d)), sampleSize, 'all that it may have else')
  for (const at of [24, 25, 26, 27, 28, 29]) t.equal(imageSize('image/webp', changed(webpExtended, at, 0x55)), undefined, `canvas byte ${at}`)
  const frame = webpExtended.indexOf('VP8 ') + 8
  t.equal(imageSize('image/webp', changed(webpExtended, frame + 6, 0xff, 0x3f)), undefined, 'a larger frame')
  t.equal(imageSize('image/webp', changed(webpExtended, frame + 3, 0)), undefined, 'no frame')
  t.equal(imageSize('image/webp', changed(changed(webpExtended, flagsAt, 0x12), frame + 3, 0)), undefined, 'neither')
  t.equal(imageSize('image/webp', changed(webpExtended, 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)), undefined, 'the largest')
})

t.test('RFC 9649 §2.3: a chunk of an odd length is followed by one more byte', async t => {
  const odd = Buffer.from('EXIF\x03\0\0\0abc\0', 'latin1')
  t.strictSame(imageSize('image/webp', inserted(webpExtended, 30, odd)), sampleSize)
  t.equal(imageSize('image/webp', inserted(webpExtended, 30, odd.subarray(0, -1))), undefined)
})
