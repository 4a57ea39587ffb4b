import t from 'tap'
import { isPublicAddress } from '../../lib/oauth/address.ts'
import { fc } from '../fixtures/property.ts'

const special = {
  'this network': ['0.0.0.0', '0.255.255.255'],
  private: ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
  'shared by a carrier’s customers': ['100.64.0.0', '100.127.255.255'],
  loopback: ['127.0.0.0', '127.0.0.1', '127.255.255.255', '::1'],
  'link-local, where clouds keep their credentials': ['169.254.0.0', '169.254.169.254', '169.254.255.255', 'fe80::', 'fe80::a9fe:a9fe', 'febf:ffff::', 'fe80::1%eth0', '2606:4700::1%eth0'],
  'protocol assignments': ['192.0.0.0', '192.0.0.255', '2001::', '2001:1ff:ffff::'],
  documentation: ['192.0.2.0', '192.0.2.255', '198.51.100.0', '198.51.100.255', '203.0.113.0', '203.0.113.255', '2001:db8::', '2001:db8:ffff::', '3fff::', '3fff:fff:ffff::'],
  'AS112, AMT and the 6to4 relay': ['192.31.196.1', '192.52.193.1', '192.88.99.1', '192.175.48.1', '2620:4f:8000::1'],
  benchmarking: ['198.18.0.0', '198.19.255.255', '2001:2::1'],
  multicast: ['224.0.0.0', '239.255.255.255', 'ff00::', 'ff02::1'],
  reserved: ['240.0.0.0', '255.255.255.255', '::', '4000::1', '5f00::1', '8000::1'],
  'unique local and site-local': ['fc00::', 'fd00:ec2::254', 'fdff:ffff::', 'fec0::', 'feff:ffff::'],
  'discard-only': ['100::', '100::ffff:ffff:ffff:ffff']
}

for (const [what, addresses] of Object.entries(special)) {
  t.test(`REG-04, RFC 6890: an address that is ${what} is not public`, async t => {
    for (const address of addresses) t.equal(isPublicAddress(address), false, address)
  })
}

t.test('REG-04: what is no address is not public', async t => {
  for (const text of ['', 'localhost', 'client.example', '1.2.3', '0x8.8.8.8', '08.8.8.8', '134744072', '8.8.8.8 ', ' 8.8.8.8', '8.8.8.8/32', '[2606:4700::1]', '2606:4700::1::', '1.1.1.1.1']) {
    t.equal(isPublicAddress(text), false, JSON.stringify(text))
  }
})

t.test('the neighbours of the special blocks are public', async t => {
  const neighbours = [
    '1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0',
    '191.255.255.255', '192.0.1.0', '192.0.3.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0', '223.255.255.255',
    '8.8.8.8', '2000::1', '2001:200::', '2001:db7:ffff::', '2001:db9::', '2003::', '2606:4700:4700::1111', '2620:4f:8001::', '3ffe:ffff::', '3fff:1000::'
  ]
  for (const address of neighbours) t.equal(isPublicAddress(address), true, address)
})

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 })
const hex = (group: number) => group.toString(16)

t.test('REG-04, R9: no form of IPv6 that carries an IPv4 address is public, whichever address it is', async t => {
  fc.assert(fc.property(octets, groups, ([a, b, c, d], others) => {
    const [high, low] = [hex(a * 256 + b), hex(c * 256 + d)]
    const rest = others.slice(0, 4).map(hex).join(':')
    const disguises = [
      `::ffff:${a}.${b}.${c}.${d}`, `::ffff:${high}:${low}`, `0:0:0:0:0:FFFF:${high}:${low}`, `::${a}.${b}.${c}.${d}`, `::ffff:0:${a}.${b}.${c}.${d}`,
      `64:ff9b::${a}.${b}.${c}.${d}`, `64:ff9b::${high}:${low}`, `64:ff9b:1::${high}:${low}`, `64:ff9b:1:${hex(others[0] ?? 0)}::${high}:${low}`,
      `2002:${high}:${low}::1`, `2002:${high}:${low}:${rest}:1`, `2001:0:${high}:${low}::1`, `2001:0:${high}:${low}:${rest}`
    ]
    return disguises.every(address => !isPublicAddress(address))
  }))
  t.pass()
})

t.test('REG-04: an IPv6 address is public only inside 2000::/3, however it is written', async t => {
  fc.assert(fc.property(groups, all => {
    const written = all.map(hex).join(':')
    const spellings = [written, written.toUpperCase(), all.map(group => hex(group).padStart(4, '0')).join(':'), new URL(`http://[${written}]/`).hostname.slice(1, -1)]
    const verdicts = new Set(spellings.map(isPublicAddress))
    return verdicts.size === 1 && ((all[0] ?? 0) >>> 13 === 1 || verdicts.has(false))
  }))
  t.pass()
})
