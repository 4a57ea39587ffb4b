import t from 'tap'
import { imageSize } from '../../../lib/clients/raster-image.ts'
import { sampleImages, sampleSize } from '../../fixtures/images.ts'
import { fc, holds } from '../../fixtures/property.ts'

const type = fc.constantFrom('image/png', 'image/jpeg', 'image/webp')
const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array))
const sample = fc.constantFrom(...sampleImages)

/** Nothing is thrown, and what is found can be the size of something. */
function isSound (type: string, bytes: Buffer): boolean {
  const size = imageSize(type, bytes)
  return size === undefined || [size.width, size.height].every(side => Number.isInteger(side) && side > 0 && side < 2 ** 32)
}

t.test('REG-04: whatever bytes come, an image has a size, or it is none', async t => {
  holds(t, 'any bytes', fc.property(type, bytes, isSound), { numRuns: 2000 })
  holds(t, 'any bytes after the beginning of an image', fc.property(type, sample, fc.nat(400), bytes, (type, image, length, rest) => isSound(type, Buffer.concat([image.bytes.subarray(0, length), rest]))), { numRuns: 5000 })
  holds(t, 'any changes of an image', fc.property(sample, fc.array(fc.tuple(fc.nat(150), fc.nat(255)), { maxLength: 8 }), ({ type, bytes }, changes) => {
    const copy = Buffer.from(bytes)
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value
    return isSound(type, copy)
  }), { numRuns: 5000 })
  holds(t, 'any part of a larger buffer', fc.property(sample, bytes, bytes, ({ type, bytes }, before, after) => {
    const part = Buffer.concat([before, bytes, after]).subarray(before.length)
    const { width, height } = imageSize(type, part) ?? {}
    return width === sampleSize.width && height === sampleSize.height
  }))
})
