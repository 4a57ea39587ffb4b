import t from 'tap'
import { parameter, parseParameters, requiredParameter } from '../../lib/oauth/parameters.ts'

const invalidRequest = { name: 'OAuthError', code: 'invalid_request', statusCode: 400 }

t.test('AZ-01, TK-01: a repeated parameter is invalid_request, and named', async t => {
  for (const query of ['state=a&state=a', 'state=a&state=b', 'state=a&x=1&state=', 'state=a&%73tate=b']) {
    const read = () => parameter(parseParameters(query), 'state')
    if (query.endsWith('state=')) t.equal(read(), 'a', 'an empty one is absent')
    else t.throws(read, { ...invalidRequest, message: 'The parameter state was sent more than once' }, query)
  }
})

t.test('T16: a parameter with control characters is invalid_request', async t => {
  for (const value of ['%00', 'a%00b', '%0a', '%0D', '%09', '%1b', '%7F', '%C2%85']) {
    t.throws(() => parameter(parseParameters(`state=${value}`), 'state'), { ...invalidRequest, message: /characters/ }, value)
    t.throws(() => requiredParameter(parseParameters(`state=${value}`), 'state'), invalidRequest, value)
  }
})

t.test('a required parameter that is absent, empty or repeated is invalid_request, and named', async t => {
  for (const query of ['', '&&', '=', 'code', 'code=', 'Code=x', 'code%20=x', 'code=x&code=x']) {
    t.throws(() => requiredParameter(parseParameters(query), 'code'), { ...invalidRequest, message: /The parameter code / }, query)
  }
})

t.test('AZ-01: what nobody reads is ignored, however it looks', async t => {
  const parameters = parseParameters('x=1&x=2&y=%00&__proto__=evil&constructor=evil&code=c')
  t.equal(requiredParameter(parameters, 'code'), 'c')
  for (const name of ['toString', 'hasOwnProperty', 'size']) t.equal(parameter(parameters, name), undefined, name)
  t.equal(parameter(parameters, '__proto__'), 'evil', 'a name like any other')
  t.equal(parameter(parseParameters('a=1'), '__proto__'), undefined)
})

t.test('an empty parameter counts as absent', async t => {
  for (const query of ['state=', 'state', 'state=&state=', '']) t.equal(parameter(parseParameters(query), 'state'), undefined, query)
})

t.test('AZ-06: a value is decoded once, and a lone surrogate can not get in', async t => {
  t.equal(parameter(parseParameters('state=a+b%2Bc%2526%3D'), 'state'), 'a b+c%26=')
  t.equal(parameter(parseParameters('state=%ED%A0%80'), 'state'), '\ufffd\ufffd\ufffd')
  t.equal(parameter(parseParameters('state=\ud800'), 'state'), '\ufffd')
  t.equal(parameter(parseParameters('state=%zz%'), 'state'), '%zz%')
})
