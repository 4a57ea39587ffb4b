import type { Subject } from './en.ts'
import type { Words } from './index.ts'

function ask ({ host }: Subject): string {
  return `יש לפנות למי שמפעיל את ${host}.`
}

const refusals: Words['refusals'] = {
  unknownClient: () => ({
    title: 'השרת הזה אינו מכיר את היישום',
    paragraphs: [
      'הרישום של היישום אינו קיים עוד. כך קורה כשלא נעשה בו שימוש זמן מה, או כשהשרת הוקם מחדש.',
      'יש להסיר את המחבר או את השרת ביישום ולהוסיף אותו שוב: היישום יירשם מחדש בעצמו.'
    ]
  }),
  unreadableDocument: () => ({
    title: 'לא ניתן לזהות את היישום',
    paragraphs: [
      'לא ניתן לקרוא את המסמך שמתאר את היישום, או שהוא אינו תקין.',
      'אפשר לנסות שוב בעוד כמה דקות. אם זה לא עוזר, יש לפנות ליוצרי היישום או למי שמפעיל את השרת.'
    ]
  }),
  wrongRedirect: () => ({
    title: 'היישום ביקש תשובה בכתובת שאינה שלו',
    paragraphs: [
      'הוא מבקש תשובה בכתובת שלא רשם. מטעמי בטיחות לא נשלח לשם דבר.',
      'אם הגעת לכאן מקישור ששלחו לך, יש לסגור את הדף. אם חיברת את היישום בעצמך עכשיו, יש להסיר בו את המחבר או השרת ולהוסיף אותו שוב.'
    ]
  }),
  badRequest: () => ({
    title: 'היישום ביקש דבר שאינו אפשרי כאן',
    paragraphs: ['לא שותף דבר. יש לחזור ליישום ולהתחבר שוב. אם זה לא עוזר, כדאי למסור ליוצריו את מה שכתוב למטה.']
  }),
  denied: () => ({ title: 'דחית את הבקשה', paragraphs: ['לא שותף דבר. אפשר לסגור את הדף.'] }),
  otherBrowser: () => ({
    title: 'הכניסה הזאת התחילה בדפדפן אחר',
    paragraphs: [
      'מטעמי בטיחות כניסה מסתיימת רק בדפדפן שבו התחילה, בחלון זה או אחר, כשעוגיות מותרות.',
      'אם הגעת לכאן מקישור ששלחו לך, יש לסגור את הדף. אחרת יש לחזור ליישום ולהתחבר שוב.'
    ]
  }),
  usedSignIn: () => ({
    title: 'הכניסה הזאת הסתיימה',
    paragraphs: ['כבר נעשה בה שימוש. אם היישום מחובר, אפשר לסגור את הדף. אחרת יש לחזור אליו ולהתחבר שוב.']
  }),
  expiredSignIn: () => ({
    title: 'הכניסה הזאת נמשכה יותר מדי',
    paragraphs: ['לכניסה יש עשר דקות, והכניסה הזאת אינה מוכרת עוד. יש לחזור ליישום ולהתחבר שוב.']
  }),
  foreignForm: () => ({
    title: 'הטופס הזה לא נפתח בדפדפן הזה',
    paragraphs: ['מטעמי בטיחות טופס תקף רק בדפדפן שבו נפתח, כשעוגיות מותרות. יש לחזור ולהתחיל שוב.']
  }),
  usedForm: () => ({ title: 'הטופס הזה כבר נשלח', paragraphs: ['טופס תקף פעם אחת. יש לחזור ולהתחיל שוב.'] }),
  expiredForm: () => ({ title: 'הדף הזה היה פתוח יותר מדי זמן', paragraphs: ['דף כזה תקף שעה. יש לחזור ולהתחיל שוב.'] }),
  notSignedIn: ({ provider }) => ({ title: 'לא נכנסת', paragraphs: [`הכניסה אצל ${provider} לא הושלמה.`] }),
  notRecent: ({ provider }) => ({
    title: 'יש להיכנס שוב',
    paragraphs: [`נדרשת כניסה חדשה יותר מזו שלך אצל ${provider}. יש לצאת שם ואז לנסות שוב.`]
  }),
  providerDown: ({ provider }) => ({ title: `${provider} לא ענה כראוי`, paragraphs: ['החשבון שלך תקין. אפשר לנסות שוב בעוד רגע.'] }),
  'not-listed': ({ email, host }) => ({
    title: 'הכתובת שלך אינה ברשימה',
    paragraphs: [`נכנסת בתור ${email}, ולכתובת הזאת אין גישה כאן.`, `אפשר לבקש ממי שמפעיל את ${host} להוסיף אותה, או להשתמש בחשבון אחר.`]
  }),
  suspended: subject => ({ title: 'הגישה שלך מושעית', paragraphs: [`הגישה של ${subject.email} מושעית.`, ask(subject)] }),
  ambiguous: subject => ({
    title: 'הכתובת שלך מופיעה ברשימה פעמיים',
    paragraphs: [`${subject.email} מופיעה ברשימה ביותר מכתיב אחד, ולכן לא ניתן להיכנס איתה לעת עתה.`, ask(subject)]
  }),
  'other-provider': subject => ({
    title: 'יש להיכנס בדרך אחרת',
    paragraphs: [`ל־${subject.email} יש גישה כאן, אבל לא דרך ${subject.provider}. יש לבחור בדרך הקודמת.`, ask(subject)]
  }),
  'other-identity': subject => ({
    title: 'זה אינו החשבון שיש לו גישה',
    paragraphs: [`חשבון אחר אצל ${subject.provider} נכנס בעבר בתור ${subject.email}.`, ask(subject)]
  }),
  'no-email': ({ provider }) => ({
    title: 'אין כתובת דוא"ל שמישה',
    paragraphs: [`${provider} לא מסר כתובת דוא"ל שניתן להשוות לרשימה.`, 'יש להשתמש בחשבון אחר.']
  }),
  unverified: ({ email, provider }) => ({
    title: 'כתובת הדוא"ל שלך לא אומתה',
    paragraphs: [`${provider} אינו ערב לכך ש־${email} שלך. יש לאמת את הכתובת שם ואז לנסות שוב.`]
  }),
  'other-domain': ({ email, provider }) => ({
    title: 'יש להיכנס בדרך אחרת',
    paragraphs: [`לא ניתן להשתמש כאן ב־${email} דרך ${provider}. יש לבחור דרך כניסה אחרת.`]
  }),
  notAdmin: ({ email }) => ({
    title: 'אין לך הרשאות ניהול',
    paragraphs: [`נכנסת בתור ${email}, והכתובת הזאת אינה רשאית לנהל כאן. יש לפנות למנהל, או להשתמש בחשבון אחר.`]
  }),
  lastAdmin: () => ({
    title: 'מישהו צריך לנהל',
    paragraphs: ['זה המנהל האחרון שיש לו גישה. יש למנות קודם מנהל אחר. דבר לא השתנה.']
  }),
  emailTaken: ({ email }) => ({ title: 'הכתובת כבר ברשימה', paragraphs: [`ל־${email} כבר יש רשומה. דבר לא השתנה.`] }),
  badEmail: ({ email }) => ({
    title: 'זו אינה כתובת דוא"ל',
    paragraphs: [`“${email}” אינה כתובת דוא"ל פשוטה אחת. דבר לא השתנה: יש לחזור, לתקן ולשלוח שוב.`]
  }),
  badEmails: ({ email }) => ({
    title: 'חלק מהשורות אינן כתובות דוא"ל',
    paragraphs: [`דבר לא נוסף. יש לחזור, לתקן את השורות האלה ולשלוח את הרשימה שוב: ${email}`]
  }),
  badFilter: () => ({
    title: 'לא ניתן לחפש זאת',
    paragraphs: ['יום נכתב כמו 2026-11-25, סוג אירוע הוא אחד מהרשימה, ודף הוא אחד שהוצג כאן. יש לחזור, לתקן ולחפש שוב.']
  }),
  gone: () => ({ title: 'הרשומה הזאת אינה קיימת עוד', paragraphs: ['מישהו הסיר אותה בינתיים. דבר לא השתנה.'] }),
  malformed: () => ({ title: 'לא ניתן לענות על הבקשה הזאת', paragraphs: ['יש לחזור ליישום ולהתחבר שוב.'] }),
  rateLimited: () => ({ title: 'יותר מדי בקשות', paragraphs: ['יותר מדי בקשות הגיעו מהכתובת שלך. יש להמתין דקה ולנסות שוב. אין צורך לשנות דבר.'] }),
  unavailable: () => ({ title: 'יש לנסות שוב בעוד רגע', paragraphs: ['השרת אינו יכול לענות כרגע. החשבון שלך תקין.'] }),
  serverError: () => ({
    title: 'משהו השתבש כאן',
    paragraphs: ['זו תקלה של השרת, לא שלך. אפשר לנסות שוב בעוד רגע. אם זה נמשך, יש למסור למי שמפעיל אותו את האסמכתה שלמטה.']
  })
}

const exactTime = new Intl.DateTimeFormat('he', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

const trail: Words['trail'] = {
  title: 'מה קרה',
  own: 'מה קרה בשמך',
  ownText: 'מה עשו יישומים בשמך, ומה השתנה בגישה שלך: האחרון ראשון, כל השעות לפי UTC.',
  text: 'האחרון ראשון, כל השעות לפי UTC.',
  ofUser: 'מה קרה בשם הזה',
  ofClient: 'מה קרה עם היישום הזה',
  user: 'אדם (כתובת דוא"ל או מזהה)',
  client: 'יישום (מזהה)',
  type: 'סוג האירוע',
  anyType: 'הכול',
  from: 'מיום',
  until: 'עד יום',
  show: 'להציג',
  nothing: 'לא נמצא דבר.',
  unknownUser: 'הכתובת הזאת אינה ברשימה, או מופיעה בה יותר מפעם אחת. יש לחפש לפי מזהה.',
  latest: 'האחרונים',
  older: 'קודמים',
  by: 'על ידי',
  about: 'על',
  application: 'יישום',
  what: 'מה',
  reason: 'מדוע',
  address: 'מכתובת',
  userAgent: 'באמצעות',
  time: date => exactTime.format(date),
  actors: {
    user: 'מי שנכנס',
    administrator: 'מנהל',
    operator: 'מי שמפעיל את השרת',
    client: 'היישום',
    anonymous: 'מי שלא הזדהה',
    server: 'השרת'
  },
  outcomes: { success: 'בוצע', refused: 'נדחה', failed: 'נכשל' },
  types: {
    access: 'בקשה',
    'access.answered': 'בקשה נענתה',
    'audit.dropped': 'אירועים אבדו',
    'audit.purged': 'אירועים ישנים הוסרו',
    'audit.started': 'השרת החל לרשום אירועים',
    'client.changed': 'יישום הופעל או הושבת',
    'client.created': 'יישום נוצר',
    'client.refused': 'יישום לא הצליח להזדהות',
    'client.registered': 'יישום נרשם',
    'client.removed': 'יישומים שלא נעשה בהם שימוש הוסרו',
    'code.issued': 'יישום חובר',
    'code.replayed': 'קוד שימש פעמיים: החיבור הסתיים',
    'consent.allowed': 'ניתנה הסכמה',
    'consent.denied': 'ההסכמה נדחתה',
    'grant.revoked': 'החיבור הסתיים',
    'key.rotated': 'מפתח החתימה הוחלף',
    'session.ended': 'יציאה מדפי השרת',
    'session.started': 'כניסה לדפי השרת',
    'sign-in.allowed': 'כניסה אושרה',
    'sign-in.failed': 'כניסה נכשלה',
    'sign-in.refused': 'כניסה נדחתה',
    'token.issued': 'אסימון ראשון ניתן',
    'token.refreshed': 'אסימון חודש',
    'token.refused': 'אסימון נדחה',
    'token.replayed': 'אסימון שימש פעמיים: החיבור הסתיים',
    'token.revoked': 'אסימון בוטל',
    'user.added': 'אדם נוסף לרשימה',
    'user.changed': 'אדם שונה',
    'user.removed': 'אדם הוסר מהרשימה',
    'user.unpinned': 'חשבון אחר רשאי להיכנס'
  }
}

const longDate = new Intl.DateTimeFormat('he', { dateStyle: 'long', timeZone: 'UTC' })

/** Hebrew. */
export const he: Words = {
  language: 'he',
  direction: 'rtl',
  refusals,
  scopes: {
    openid: 'לדעת מי אתם',
    email: 'לראות את כתובת הדוא"ל שלכם',
    profile: 'לראות את השם והתמונה שלכם',
    offline_access: 'להישאר מחובר גם כשאינכם כאן'
  },
  trail,
  date: date => longDate.format(date),
  help: 'עזרה',
  reference: id => `אסמכתה: ${id}`,
  backTo: host => `חזרה אל ${host}`,
  signInWith: provider => `כניסה דרך ${provider}`,
  useAnotherAccount: 'שימוש בחשבון אחר',
  tryAgain: 'לנסות שוב',
  detail: 'ליוצרי היישום:',
  steps: {
    title: 'היכן עושים זאת',
    lines: [
      ['Claude', 'Settings, Connectors: לפתוח את התפריט שליד המחבר, להסיר אותו, ואז “Add custom connector”'],
      ['ChatGPT', 'Settings, Apps & Connectors: לפתוח את המחבר, לנתק אותו, ואז ליצור אותו שוב'],
      ['Cursor', 'Settings, Tools & MCP: לצאת מהשרת או להסיר אותו, ואז להוסיף אותו שוב'],
      ['VS Code', 'Command palette: “MCP: List Servers”, לבחור את השרת, “Disconnect account”, ואז להפעיל אותו שוב']
    ]
  },
  consent: {
    title: name => `“${name}” מבקש גישה`,
    nameless: 'יישום ללא שם מבקש גישה',
    claim: 'השם הוא מה שהיישום אומר על עצמו. איש לא בדק אותו.',
    checkedAddress: 'כתובתו, שנבדקה',
    accessTo: 'גישה אל',
    answerTo: 'התשובה שלך נשלחת אל',
    groups: { identity: 'הוא ידע עליך', access: 'הוא יוכל', presence: 'הוא ימשיך בלעדיך' },
    isNew: 'חדש',
    loopback: 'התשובה נשלחת לתוכנה במחשב הזה. יש להמשיך רק אם הפעלת אותה בעצמך עכשיו.',
    app: 'התשובה נשלחת ליישום במכשיר הזה. יש להמשיך רק אם הפעלת אותו בעצמך עכשיו.',
    changed: date => `היישום השתנה מאז ${date}, הפעם האחרונה שמישהו נכנס באמצעותו.`,
    formerName: name => `אז הוא קרא לעצמו “${name}”.`,
    otherRedirects: 'אז הוא ציין כתובות אחרות לתשובות.',
    allowedBefore: date => `אישרת זאת ב־${date}.`,
    allowedLess: date => `אישרת את היישום הזה ב־${date}. מה שמסומן כחדש לא התבקש אז.`,
    next: providers => `לאחר האישור הכניסה היא דרך ${providers}.`,
    or: ' או ',
    allow: provider => `לאשר ולהיכנס דרך ${provider}`,
    deny: 'לדחות'
  },
  leaving: {
    toProvider: provider => `מעבר אל ${provider}`,
    continueTo: provider => `להמשיך אל ${provider}`,
    signedIn: 'הכניסה הצליחה',
    toApp: 'חזרה ליישום',
    close: 'היישום אמור לעלות לקדמת המסך מעצמו. אם כך קרה, אפשר לסגור את הלשונית הזאת.'
  },
  account: {
    title: 'היישומים המחוברים שלך',
    signInTitle: 'מה חיברת',
    signInText: host => `יש להיכנס כדי לראות לאילו יישומים יש גישה אל ${host} בשמך, וכדי לסיים אותה.`,
    signedInAs: email => `נכנסת בתור ${email}.`,
    none: 'לאף יישום אין גישה בשמך.',
    host: 'מוכר לפי',
    answers: 'תשובות נשלחות אל',
    may: 'הוא רשאי',
    first: 'חובר',
    last: 'שימוש אחרון',
    until: 'מסתיים מעצמו',
    end: name => `לסיים את הגישה של ${name}`,
    endAll: 'לסיים את כל הגישות',
    ended: 'הגישה הסתיימה.',
    nameless: 'יישום ללא שם',
    registered: 'רק לפי השם שנתן לעצמו',
    signOut: 'יציאה',
    back: 'חזרה ליישומים שלך'
  },
  admin: {
    title: 'ניהול',
    signInText: host => `יש להיכנס כמנהל של ${host}.`,
    users: 'אנשים',
    clients: 'יישומים',
    search: 'חיפוש',
    searchUsers: 'חיפוש כתובות ושמות',
    searchClients: 'חיפוש שמות ומזהים',
    nobody: 'לא נמצא איש.',
    nothing: 'לא נמצא יישום.',
    next: 'הדף הבא',
    previous: 'הדף הקודם',
    email: 'כתובת דוא"ל',
    name: 'שם',
    role: 'תפקיד',
    status: 'גישה',
    lastLogin: 'כניסה אחרונה',
    never: 'אף פעם',
    roles: { user: 'משתמש', admin: 'מנהל' },
    statuses: { active: 'פעילה', suspended: 'מושעית' },
    add: 'הוספת אדם',
    addButton: 'להוסיף',
    asAdmin: 'כמנהל',
    import: 'הוספת רשימה',
    importLabel: 'כתובות דוא"ל, אחת בכל שורה',
    importButton: 'להוסיף את כולן',
    pinned: 'נכנס דרך',
    unpinned: 'כל ספק, עד הכניסה הראשונה',
    connections: 'יישומים מחוברים',
    noConnections: 'לאף יישום אין גישה בשם הזה.',
    clientId: 'מזהה',
    created: 'מאז',
    secret: 'יש לו סוד',
    yes: 'כן',
    no: 'לא',
    redirects: 'תשובות נשלחות אל',
    fresh: minutes => `נכנסת זה עתה: שינויים תקפים מיד, ${minutes === 1 ? 'עוד דקה אחת' : `עוד ${minutes} דקות`}.`,
    stale: 'לפני שינוי תתבקש כניסה נוספת.',
    confirmTitle: 'אישור השינוי',
    confirmProven: 'נכנסת שוב. זה מה שביקשת לשנות:',
    confirmUnproven: 'הספק שלך אינו מוסר מתי נכנסת, ולכן זה מבט נוסף על מה שביקשת לשנות:',
    confirm: 'לבצע',
    discard: 'לא לבצע',
    again: 'יש להיכנס שוב כדי להמשיך',
    againText: 'שינוי דורש כניסה מחמש הדקות האחרונות. מה שביקשת לשנות נשמר ויוצג לאחר מכן:',
    changes: {
      'add-user': 'להוסיף',
      'import-users': 'להוסיף את כל אלה',
      suspend: 'להשעות',
      activate: 'לתת גישה שוב',
      promote: 'למנות למנהל',
      demote: 'להפוך למשתמש רגיל',
      unpin: 'לאפשר לחשבון אחר להיכנס',
      'remove-user': 'להסיר מהרשימה',
      'end-connection': 'לסיים את הגישה של יישום',
      'end-connections': 'לסיים את כל הגישות של יישומים',
      'deactivate-client': 'להשבית',
      'activate-client': 'להפעיל'
    },
    done: 'בוצע.',
    imported: added => `נוספו: ${added}.`,
    back: 'חזרה לניהול'
  }
}
