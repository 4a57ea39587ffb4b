export { signInAs, type Persona } from './sign-in-as.ts'
export { storageContract, type StorageCase } from './storage-contract.ts'
