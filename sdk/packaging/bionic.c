/* A stand-in for the C library of Android, to link against where there is no NDK: the functions that the core may call
 * (tests/python/test_exports.py lists them), under the names that Android's own library gives them. Never loaded: the
 * device has the real one. Only names matter here, so that everything is a function without arguments. */
#define FUNCTION(name) \
  void name(void) {}

FUNCTION(__errno)
FUNCTION(fclose)
FUNCTION(ferror)
FUNCTION(fgetc)
FUNCTION(fopen)
FUNCTION(fread)
FUNCTION(free)
FUNCTION(getauxval)
FUNCTION(malloc)
FUNCTION(memcmp)
FUNCTION(memcpy)
FUNCTION(memmove)
FUNCTION(memset)
FUNCTION(strcmp)

#ifdef __arm__
FUNCTION(__aeabi_memclr)
FUNCTION(__aeabi_memclr4)
FUNCTION(__aeabi_memclr8)
FUNCTION(__aeabi_memcpy)
FUNCTION(__aeabi_memcpy4)
FUNCTION(__aeabi_memcpy8)
FUNCTION(__aeabi_memmove)
FUNCTION(__aeabi_memmove4)
FUNCTION(__aeabi_memmove8)
#endif
