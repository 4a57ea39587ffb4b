export { storageFromEnv } from './env.ts'
export { migrateToLatest } from './migrate.ts'
export { migrations, type Migration } from './migrations/index.ts'
export { KyselyStorage, type KyselyStorageOptions } from './storage.ts'
