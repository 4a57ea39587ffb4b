import { BlockList, isIP } from 'node:net'

/** IPv4 blocks with a purpose of their own, whether or not packets would get there. RFC 6890 §2.2.2 and its registry, RFC 5771, RFC 1112 §4. */
const specialIpv4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'
]

/**
 * All that is handed out as global unicast. Outside of it lie loopback, link-local, site-local, unique local and multicast addresses, and
 * those that carry an IPv4 address: mapped, compatible and NAT64. RFC 4291 §2.4.
 */
const globalUnicast = ['2000::/3']

/** Blocks of that with a purpose of their own: Teredo is in the first, 6to4 carries an IPv4 address. RFC 6890 §2.2.3 and its registry. */
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

function blockList (blocks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [network = '', prefix] = block.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}

const special = { ipv4: blockList(specialIpv4, 'ipv4'), ipv6: blockList(specialIpv6, 'ipv6') }
const unicast = blockList(globalUnicast, 'ipv6')

/**
 * Whether an address is one of the public internet, of which anybody may be asked for something. What is no address is not, and neither
 * is any form of IPv6 that stands for an IPv4 address, whichever.
 *
 * @see [RFC 6890](https://www.rfc-editor.org/rfc/rfc6890.html#section-2.2.2)
 */
export function isPublicAddress (address: string): boolean {
  // With a zone it is link-local, whatever it says.
  if (address.includes('%')) return false
  const family = isIP(address)
  if (family === 4) return !special.ipv4.check(address, 'ipv4')
  return family === 6 && unicast.check(address, 'ipv6') && !special.ipv6.check(address, 'ipv6')
}
