// Plugin for the user-mode emulators of qemu 7.2: counts executed guest instructions exactly, per program counter and
// per stage, between two marker functions, and, where asked, the bytes that are loaded from one range of addresses.
// Counting is per translated block: a block runs as a whole, and markers are called functions, so that a block never
// lies on both sides of one. The interface is declared here by ourselves: Debian ships no header for it.
//
//     qemu-ARCH -plugin insn_plugin.so,out=FILE,begin=HEX,end=HEX[,enter=HEX]...[,leave=HEX][,skip=HEX-HEX]
//               [,memory=HEX-HEX] PROGRAM ...
//
// begin, end: entry addresses of the markers around one window. enter: entry of the marker that opens stage 1, 2, ...
// in the order given; stages nest, leave closes the innermost one. What runs in a window outside all stages is stage 0.
// skip: instructions there are not counted (the harness itself). memory: loads from there are summed, and nothing else.
//
// Lines of FILE: `window COUNT...` instructions of one window by stage; `pc HEX COUNT...` executions of the
// instruction at an address by stage, over all windows; `load COUNT...` bytes by stage over all windows; `touched
// COUNT` distinct 64-byte lines of the range that were loaded from, summed over the windows.
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
typedef uint32_t memory_info;
struct block;        // a translation block, qemu's
struct instruction;  // likewise
struct machine;      // likewise

enum { kInlineAdd = 0, kNoRegisters = 0, kReadsAndWrites = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct block *, void (*)(unsigned, void *), int, void *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *, int, void *, uint64_t);
void qemu_plugin_register_vcpu_mem_cb(struct instruction *, void (*)(unsigned, memory_info, uint64_t, void *), int, int,
                                      void *);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct block *);
uint64_t qemu_plugin_tb_vaddr(const struct block *);
struct instruction *qemu_plugin_tb_get_insn(const struct block *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct instruction *);
size_t qemu_plugin_insn_size(const struct instruction *);
unsigned qemu_plugin_mem_size_shift(memory_info);

EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(plugin_id id, const struct machine *machine, int argc, char **argv);
int qemu_plugin_version = 1;

enum { kMaxStages = 16, kMaxDepth = 16, kLine = 64, kPage = 4096 };

// Executions of one translated block. Blocks may start at the same address and end at different ones; each is one.
struct entry {
  uint64_t count;              // the emulator adds to it
  uint64_t seen;               // the part of count that has been given to a stage
  uint64_t stage[kMaxStages];  // executions within windows
  uint64_t start;              // address
  unsigned listed;             // instructions, as the emulator tells
  unsigned instructions;       // of these, those that run: see leave_out
  bool crossing;               // whether it is one instruction that lies on two pages
  uint64_t address[];          // of each instruction; lengths are not to be relied on at the end of a page
};

static struct entry **entries;
static size_t entry_count, entry_room;

static uint64_t begin_pc, end_pc, leave_pc, enter_pc[kMaxStages], skip_low, skip_high, memory_low, memory_high;
static int stage_count = 1;
static FILE *out_file;

static bool in_window;
static int depth, stack[kMaxDepth];
static uint64_t window[kMaxStages], loaded[kMaxStages], touched;
static uint8_t *line_marks;  // one per line of the memory range, for the current window

static int current_stage(void) { return depth ? stack[depth - 1] : 0; }

// Gives what was executed since the last call to the stage that it belongs to.
static void settle(void) {
  const int stage = current_stage();
  for (size_t i = 0; i < entry_count; i++) {
    struct entry *entry = entries[i];
    const uint64_t fresh = entry->count - entry->seen;
    if (!fresh) continue;
    entry->seen = entry->count;
    if (!in_window) continue;
    entry->stage[stage] += fresh;
    window[stage] += fresh * entry->instructions;
  }
}

static void on_begin(unsigned cpu, void *unused) {
  (void)cpu, (void)unused;
  settle();
  memset(window, 0, sizeof window);
  depth = 0;
  in_window = true;
}

static void on_end(unsigned cpu, void *unused) {
  (void)cpu, (void)unused;
  settle();
  in_window = false;
  fprintf(out_file, "window");
  for (int s = 0; s < stage_count; s++) fprintf(out_file, " %" PRIu64, window[s]);
  fprintf(out_file, "\n");
  if (!line_marks) return;
  for (size_t i = 0; i < (memory_high - memory_low) / kLine + 1; i++) touched += line_marks[i];
  memset(line_marks, 0, (memory_high - memory_low) / kLine + 1);
}

static void on_enter(unsigned cpu, void *stage) {
  (void)cpu;
  settle();
  if (depth < kMaxDepth) stack[depth++] = (int)(intptr_t)stage;
}

static void on_leave(unsigned cpu, void *unused) {
  (void)cpu, (void)unused;
  settle();
  if (depth) depth--;
}

// Nothing is written to the range within a window. qemu 7.2 reports only writes where it is asked for reads alone.
static void on_access(unsigned cpu, memory_info info, uint64_t address, void *unused) {
  (void)cpu, (void)unused;
  if (!in_window || address < memory_low || address >= memory_high) return;
  loaded[current_stage()] += (uint64_t)1 << qemu_plugin_mem_size_shift(info);
  line_marks[(address - memory_low) / kLine] = 1;
}

// An instruction of x86 that lies on two pages becomes a block of its own. The block that it was met in, behind others,
// ends before it and yet lists it as its last. Which one that is shows the block of its own, which comes at once.
static void leave_out(struct entry *before, const struct entry *crossing) {
  if (before->listed < 2 || before->instructions < before->listed) return;
  if (before->address[before->listed - 1] == crossing->start) before->instructions--;
}

static struct entry *find_or_add(const struct block *block, size_t size) {
  const uint64_t start = qemu_plugin_tb_vaddr(block);
  // Few thousand blocks, each translated once or twice: a search from the newest on is quick enough.
  for (size_t i = entry_count; i-- > 0;) {
    if (entries[i]->start == start && entries[i]->listed == size) return entries[i];
  }
  if (entry_count == entry_room) {
    entry_room = entry_room ? 2 * entry_room : 4096;
    entries = realloc(entries, entry_room * sizeof *entries);
  }
  struct entry *entry = calloc(1, sizeof *entry + size * sizeof entry->address[0]);
  if (!entries || !entry) abort();
  entry->start = start;
  entry->listed = entry->instructions = (unsigned)size;
  for (size_t i = 0; i < size; i++) {
    entry->address[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(block, i));
  }
  const uint64_t last = start + qemu_plugin_insn_size(qemu_plugin_tb_get_insn(block, 0)) - 1;
  entry->crossing = size == 1 && start / kPage != last / kPage;
  for (size_t i = 0; i < entry_count; i++) {
    if (entry->crossing) leave_out(entries[i], entry);
    if (entries[i]->crossing) leave_out(entry, entries[i]);
  }
  entries[entry_count++] = entry;
  return entry;
}

static void on_translate(plugin_id id, struct block *block) {
  (void)id;
  const uint64_t start = qemu_plugin_tb_vaddr(block);
  const size_t size = qemu_plugin_tb_n_insns(block);
  if (start == begin_pc) qemu_plugin_register_vcpu_tb_exec_cb(block, on_begin, kNoRegisters, NULL);
  if (start == end_pc) qemu_plugin_register_vcpu_tb_exec_cb(block, on_end, kNoRegisters, NULL);
  if (start == leave_pc) qemu_plugin_register_vcpu_tb_exec_cb(block, on_leave, kNoRegisters, NULL);
  for (int s = 1; s < stage_count; s++) {
    if (start == enter_pc[s]) {
      qemu_plugin_register_vcpu_tb_exec_cb(block, on_enter, kNoRegisters, (void *)(intptr_t)s);
    }
  }
  if (start >= skip_low && start < skip_high) return;
  if (!line_marks) {
    struct entry *entry = find_or_add(block, size);
    qemu_plugin_register_vcpu_tb_exec_inline(block, kInlineAdd, &entry->count, 1);
    return;
  }
  for (size_t i = 0; i < size; i++) {
    qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(block, i), on_access, kNoRegisters, kReadsAndWrites, NULL);
  }
}

// One instruction of the dump.
struct line {
  uint64_t pc;
  uint64_t count[kMaxStages];
};

static int by_address(const void *a, const void *b) {
  const uint64_t x = ((const struct line *)a)->pc, y = ((const struct line *)b)->pc;
  return x < y ? -1 : x > y;
}

static void write_report(plugin_id id, void *unused) {
  (void)id, (void)unused;
  size_t total = 0, used = 0;
  for (size_t i = 0; i < entry_count; i++) total += entries[i]->instructions;
  struct line *lines = calloc(total + 1, sizeof *lines);
  if (!lines) abort();
  for (size_t i = 0; i < entry_count; i++) {
    for (unsigned k = 0; k < entries[i]->instructions; k++) {
      lines[used].pc = entries[i]->address[k];
      memcpy(lines[used++].count, entries[i]->stage, sizeof entries[i]->stage);
    }
  }
  qsort(lines, used, sizeof *lines, by_address);
  for (size_t i = 0; i < used;) {
    struct line sum = lines[i];
    for (i++; i < used && lines[i].pc == sum.pc; i++) {  // blocks overlap
      for (int s = 0; s < stage_count; s++) sum.count[s] += lines[i].count[s];
    }
    uint64_t all = 0;
    for (int s = 0; s < stage_count; s++) all += sum.count[s];
    if (!all) continue;
    fprintf(out_file, "pc %" PRIx64, sum.pc);
    for (int s = 0; s < stage_count; s++) fprintf(out_file, " %" PRIu64, sum.count[s]);
    fprintf(out_file, "\n");
  }
  if (line_marks) {
    fprintf(out_file, "load");
    for (int s = 0; s < stage_count; s++) fprintf(out_file, " %" PRIu64, loaded[s]);
    fprintf(out_file, "\ntouched %" PRIu64 "\n", touched);
  }
  if (fclose(out_file)) fprintf(stderr, "insn_plugin: the counts could not be written\n");
}

static bool read_range(const char *text, uint64_t *low, uint64_t *high) {
  return sscanf(text, "%" SCNx64 "-%" SCNx64, low, high) == 2 && *low <= *high;
}

int qemu_plugin_install(plugin_id id, const struct machine *machine, int argc, char **argv) {
  (void)machine;
  for (int i = 0; i < argc; i++) {
    const char *value = strchr(argv[i], '=');
    bool known = value != NULL;
    const size_t name = known ? (size_t)(value++ - argv[i]) : 0;
#define IS(word) (name == strlen(word) && !strncmp(argv[i], word, name))
    if (!known) {
    } else if (IS("out")) {
      out_file = fopen(value, "w");
      known = out_file != NULL;
    } else if (IS("begin")) {
      begin_pc = strtoull(value, NULL, 16);
    } else if (IS("end")) {
      end_pc = strtoull(value, NULL, 16);
    } else if (IS("leave")) {
      leave_pc = strtoull(value, NULL, 16);
    } else if (IS("enter") && stage_count < kMaxStages) {
      enter_pc[stage_count++] = strtoull(value, NULL, 16);
    } else if (IS("skip")) {
      known = read_range(value, &skip_low, &skip_high);
    } else if (IS("memory")) {
      known = read_range(value, &memory_low, &memory_high);
      line_marks = calloc((memory_high - memory_low) / kLine + 1, 1);
      if (!line_marks) return 1;
    } else {
      known = false;
    }
#undef IS
    if (!known) {
      fprintf(stderr, "insn_plugin: cannot use the argument '%s'\n", argv[i]);
      return 1;
    }
  }
  if (!out_file || !begin_pc || !end_pc) {
    fprintf(stderr, "insn_plugin: out=, begin= and end= are needed\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
  qemu_plugin_register_atexit_cb(id, write_report, NULL);
  return 0;
}
