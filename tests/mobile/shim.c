/* Android's name of a function of the C library, for a library of Android's on another system. */
int *__errno_location(void);
int *__errno(void) { return __errno_location(); }
