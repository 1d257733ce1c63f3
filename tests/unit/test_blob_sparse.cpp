// The block-sparse matrices of a model: what they mean (a model with some blocks dropped gives the bits of the dense
// one that holds zeros there) and every rule of their layout, broken one at a time with the checksum repaired.
//
//     test_blob_sparse sdk/models/tiny.linnet
#include "blob_cases.h"

using namespace blob_cases;  // NOLINT: this program is about nothing else

namespace {

// The dense matrices with zeros where keep_some drops a block.
std::vector<Entry> zeroed(std::vector<Entry> entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const size_t columns = entries[i].cols / 4;
    for (size_t block = 0; may_be_sparse(i) && block < entries[i].payload.size() / 32; ++block) {
      if (!keep_some(block / columns, block % columns)) memset(entries[i].payload.data() + 32 * block, 0, 32);
    }
  }
  return entries;
}

void sparse_and_dense_agree(const Header &header, const std::vector<Entry> &entries) {
  const std::vector<Entry> thin = thinned(entries), dense = zeroed(entries);
  NetworkOutput whole[kFrames], expected[kFrames], found[kFrames];
  CHECK_THAT(outcome_of(assemble(header, entries), whole) == kRan, "the model itself");
  CHECK_THAT(outcome_of(assemble(header, dense), expected) == kRan, "blocks of zeros");
  CHECK_THAT(outcome_of(assemble(header, thin), found) == kRan, "blocks dropped");
  CHECK_THAT(memcmp(found, expected, sizeof found) == 0, "sparse is not dense with zeros");
  CHECK_THAT(memcmp(found, whole, sizeof found) != 0, "the dropped blocks mattered");
  // Each matrix by itself, and none of the others.
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind != Kind::kInt8Blocks) continue;
    std::vector<Entry> one = dense;
    one[i].payload = sparse_of(dense[i], [](size_t, size_t) { return true; }).payload();
    one[i].kind = Kind::kInt8SparseBlocks;
    Outcome outcome = outcome_of(assemble(header, one), found);
    CHECK_THAT(outcome == (may_be_sparse(i) ? kRan : kUnbound), "record %zu sparse: %s", i, kOutcomeNames[outcome]);
    CHECK_THAT(outcome != kRan || memcmp(found, expected, sizeof found) == 0, "record %zu sparse", i);
    if (outcome != kRan) continue;
    one[i].payload = empty_sparse(one[i].rows);
    CHECK_THAT(outcome_of(assemble(header, one)) == kRan, "record %zu without a block", i);
  }
}

// The rule of the columns, stated once more.
bool columns_in_rule(const Sparse &sparse, size_t columns) {
  size_t at = 0;
  for (uint16_t count : sparse.counts) {
    for (size_t i = at; i < at + count; ++i) {
      if (sparse.columns[i] >= columns || (i > at && sparse.columns[i] <= sparse.columns[i - 1])) return false;
    }
    at += count;
  }
  return true;
}

// Every count, column, byte of padding and weight of one matrix.
void one_matrix(const Header &header, std::vector<Entry> entries, size_t index, const Sparse &good) {
  const uint16_t columns = static_cast<uint16_t>(entries[index].cols / 4);
  auto outcome_of_payload = [&](const Bytes &payload) {
    entries[index].payload = payload;
    return outcome_of(assemble(header, entries));
  };
  auto check = [&](const Sparse &sparse, Outcome expected, const char *what, size_t at) {
    Outcome outcome = outcome_of_payload(sparse.payload());
    CHECK_THAT(outcome == expected, "%s %zu of record %zu: %s", what, at, index, kOutcomeNames[outcome]);
  };
  check(good, kRan, "all as it should be", 0);

  const size_t before = good.payload().size();
  for (size_t i = 0; i < good.counts.size(); ++i) {
    for (unsigned value :
         {0u, 1u, good.counts[i] - 1u, good.counts[i] + 1u, columns + 0u, columns + 1u, 0x8000u, 0xffffu}) {
      Bytes payload = good.payload();
      const uint16_t changed = static_cast<uint16_t>(value);
      if (changed == good.counts[i]) continue;
      memcpy(payload.data() + 2 * i, &changed, sizeof changed);
      CHECK_THAT(outcome_of_payload(payload) == kCorrupt, "count %zu of record %zu set to %u", i, index, value);
    }
    // One block more here and one less in the next group: the sizes fit, the columns decide.
    if (i + 1 == good.counts.size()) continue;
    for (int shift : {-1, 1}) {
      Sparse moved = good;
      moved.counts[i] = static_cast<uint16_t>(moved.counts[i] + shift);
      moved.counts[i + 1] = static_cast<uint16_t>(moved.counts[i + 1] - shift);
      if (moved.counts[i] > columns || moved.counts[i + 1] > columns) continue;  // below 0, or too many
      check(moved, columns_in_rule(moved, columns) ? kRan : kCorrupt, "a block moved from group", i);
    }
  }
  for (size_t i = 0; i < good.columns.size(); ++i) {
    for (unsigned value :
         {0u, good.columns[i] - 1u, good.columns[i] + 1u, columns - 1u, columns + 0u, 0x8000u, 0xffffu}) {
      Sparse changed = good;
      changed.columns[i] = static_cast<uint16_t>(value);
      check(changed, columns_in_rule(changed, columns) ? kRan : kCorrupt, "column", i);
    }
  }
  const size_t used = 2 * (good.counts.size() + good.columns.size());
  for (size_t at = used; at < before - good.blocks.size(); ++at) {
    Bytes payload = good.payload();
    payload[at] = 1;
    CHECK_THAT(outcome_of_payload(payload) == kCorrupt, "padding byte %zu of record %zu", at, index);
  }
  for (size_t at = 0; at < good.blocks.size(); ++at) {
    Sparse changed = good;
    changed.blocks[at] = 0x80;
    check(changed, kCorrupt, "-128 at byte", at);
    changed.blocks[at] = 0x81;
    check(changed, kRan, "-127 at byte", at);
  }
  for (size_t at = 0; at < good.blocks.size(); at += 32) {
    Sparse changed = good;
    memset(changed.blocks.data() + at, 0, 32);
    check(changed, kCorrupt, "zeros stored in the block at", at);
  }
  for (size_t size = 0; size < before; ++size) {
    Bytes payload = good.payload();
    payload.resize(size);
    CHECK_THAT(outcome_of_payload(payload) == kCorrupt, "record %zu cut to %zu bytes", index, size);
  }
  for (size_t more : {1, 2, 31, 32, 64}) {
    Bytes payload = good.payload();
    payload.resize(before + more);
    CHECK_THAT(outcome_of_payload(payload) == kCorrupt, "record %zu with %zu bytes more", index, more);
  }
}

// Shapes that no topology uses, alone in a file: in rule, it is the network that refuses them.
void odd_shapes(const Header &header) {
  auto outcome = [&](uint32_t rows, uint32_t cols, const Bytes &payload) {
    return outcome_of(assemble(header, {{Kind::kInt8SparseBlocks, rows, cols, payload}}));
  };
  // 5 rows x 6 columns: of both blocks the last three rows, of the second one the last two columns only fill.
  for (size_t at = 0; at < 64; ++at) {
    Sparse sparse = {{2}, {0, 1}, Bytes(64)};
    sparse.blocks[0] = sparse.blocks[32] = 1;
    sparse.blocks[at] = 1;
    const bool real = at % 32 / 4 < 5 && (at < 32 || at % 4 < 2);
    CHECK_THAT(outcome(5, 6, sparse.payload()) == (real ? kUnbound : kCorrupt), "byte %zu of 5 x 6", at);
  }
  // The second group of 13 rows has 5 real ones; the first has 8.
  for (size_t at = 0; at < 64; ++at) {
    Sparse sparse = {{1, 1}, {0, 0}, Bytes(64)};
    sparse.blocks[0] = sparse.blocks[32] = 1;
    sparse.blocks[at] = 1;
    CHECK_THAT(outcome(13, 4, sparse.payload()) == (at / 4 < 13 ? kUnbound : kCorrupt), "byte %zu of 13 x 4", at);
  }
  CHECK_THAT(outcome(65536, 65536, empty_sparse(65536)) == kUnbound, "the largest shape");
  CHECK_THAT(outcome(65537, 4, empty_sparse(65537)) == kCorrupt, "65537 rows");
  CHECK_THAT(outcome(8, 65537, empty_sparse(8)) == kCorrupt, "65537 columns");
  CHECK_THAT(outcome(8, 0, empty_sparse(8)) == kCorrupt, "no columns");
  CHECK_THAT(outcome(0, 4, empty_sparse(8)) == kCorrupt, "no rows");
  CHECK_THAT(outcome(0, 4, Bytes()) == kCorrupt, "no rows, no bytes");
  // A row of 16384 blocks is the widest; the sums of many counts must not wrap either.
  Sparse wide;
  wide.counts = {16384};
  for (unsigned column = 0; column < 16384; ++column) wide.columns.push_back(static_cast<uint16_t>(column));
  wide.blocks.assign(32 * 16384, 1);
  CHECK_THAT(outcome(8, 65536, wide.payload()) == kUnbound, "16384 blocks");
  Sparse liar;
  liar.counts.assign(8192, 16384);
  CHECK_THAT(outcome(65536, 65536, liar.payload()) == kCorrupt, "2^27 blocks that are not there");
}

}  // namespace

int main(int argc, char **argv) {
  Bytes good;
  if (argc != 2 || !load(argv[1], &good)) {
    printf("usage: test_blob_sparse sdk/models/tiny.linnet (a readable model file)\n");
    return 1;
  }
  const Header header = header_of(good);
  const std::vector<Entry> entries = entries_of(good);
  sparse_and_dense_agree(header, entries);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (may_be_sparse(i)) one_matrix(header, thinned(entries), i, sparse_of(entries[i], keep_some));
  }
  odd_shapes(header);
  return check_summary();
}
