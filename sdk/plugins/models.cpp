// The models, which the assembler reads from their files: LARGE and LIGHT are the paths.
#include "plugins/forms.h"

#define EMBED(name, path)                                          \
  asm(".pushsection .rodata\n"                                     \
      ".balign 64\n"                                               \
      ".hidden " name                                              \
      "\n"                                                         \
      ".hidden " name                                              \
      "_end\n"                                                     \
      ".globl " name                                               \
      "\n"                                                         \
      ".globl " name "_end\n" name ": .incbin \"" path "\"\n" name \
      "_end:\n"                                                    \
      ".popsection\n")

EMBED("linnet_large", LARGE);
EMBED("linnet_light", LIGHT);
