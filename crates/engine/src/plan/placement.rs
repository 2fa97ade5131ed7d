//! Where the shards of a stripe go.

use std::collections::BTreeMap;

use model::Domain;

/// A node as placement sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it fails together with.
    pub domain: Domain,
    /// Bytes it may still keep.
    pub free_bytes: u64,
    /// Whether shards can be put there now. A node that cannot still counts as a place where shards belong.
    pub is_usable: bool,
}

/// Assigns the shards of one stripe to nodes, and finds others when nodes fail on the way.
///
/// - Never two shards in one domain while a usable domain without one is left.
/// - Never more in a domain than an even spread over all domains of the store asks for, usable or not: with a node
///   down the stripe is degraded, rather than crowded where one failure takes several shards.
/// - With as many domains as shards, shard *i* goes to domain (*i* + seed) mod *D*: every domain gets every index in turn.
/// - With more domains than shards, those with more free space are chosen more often: weighted sampling without
///   replacement (Efraimidis and Spirakis, 2006) on hashes of seed and domain, so that the choice needs no state.
#[derive(Debug)]
pub struct Placer<'a> {
    candidates: &'a [Candidate],
    shard_len: u64,
    /// Most shards of the stripe in a domain.
    domain_shards_max: usize,
    /// Usable domains in order of preference.
    domains: Vec<DomainLoad<'a>>,
}

#[derive(Debug)]
struct DomainLoad<'a> {
    domain: &'a Domain,
    /// Usable nodes with their load, as indices into the candidates.
    nodes: Vec<(usize, usize)>,
}

impl DomainLoad<'_> {
    fn shards(&self) -> usize {
        self.nodes.iter().map(|(_, shards)| shards).sum()
    }
}

impl<'a> Placer<'a> {
    /// A placer for a stripe of `shards` shards of `shard_len` bytes.
    pub fn new(seed: u64, shards: usize, shard_len: u64, candidates: &'a [Candidate]) -> Self {
        let mut by_domain: BTreeMap<&Domain, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, candidate) in candidates.iter().enumerate() {
            let nodes = by_domain.entry(&candidate.domain).or_default();
            if candidate.is_usable && candidate.free_bytes >= shard_len {
                nodes.push((at, 0));
            }
        }
        let domain_shards_max = shards.div_ceil(by_domain.len().max(1));
        let usable = by_domain.into_iter().filter(|(_, nodes)| !nodes.is_empty());
        let domains = usable
            .map(|(domain, nodes)| DomainLoad { domain, nodes })
            .collect();
        let mut placer = Self {
            candidates,
            shard_len,
            domain_shards_max,
            domains,
        };
        placer.order_domains(seed, shards);
        placer
    }

    /// The node of each shard by shard index, as indices into the candidates; `None` where there is no place.
    pub fn assign(&mut self, shards: usize) -> Vec<Option<usize>> {
        (0..shards).map(|_| self.next()).collect()
    }

    /// Takes note that a node did not keep its shard, and finds another for it. The node is not used again.
    pub fn replace(&mut self, failed: usize) -> Option<usize> {
        for domain in &mut self.domains {
            domain.nodes.retain(|(node, _)| *node != failed);
        }
        self.domains.retain(|domain| !domain.nodes.is_empty());
        self.next()
    }

    /// The domain with the fewest shards, the preferred one among equals; in it, the node with the most room.
    fn next(&mut self) -> Option<usize> {
        let domain = self.domains.iter_mut().min_by_key(|domain| domain.shards())?;
        if domain.shards() >= self.domain_shards_max {
            return None;
        }
        let room = |node: usize, shards: usize| {
            let free = self
                .candidates
                .get(node)
                .map_or(0, |candidate| candidate.free_bytes);
            free.saturating_sub(self.shard_len * shards as u64)
        };
        let best = domain
            .nodes
            .iter_mut()
            .max_by_key(|(node, shards)| room(*node, *shards))?;
        best.1 += 1;
        Some(best.0)
    }

    fn order_domains(&mut self, seed: u64, shards: usize) {
        if self.domains.len() > shards {
            let free = |domain: &DomainLoad<'_>| {
                let free_bytes =
                    |(node, _): &(usize, usize)| self.candidates.get(*node).map(|node| node.free_bytes);
                domain.nodes.iter().filter_map(free_bytes).sum::<u64>()
            };
            let mut keyed: Vec<_> = self
                .domains
                .drain(..)
                .map(|domain| (sampling_key(seed, domain.domain, free(&domain)), domain))
                .collect();
            keyed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            self.domains = keyed.into_iter().map(|(_, domain)| domain).collect();
            // Which domains are chosen is random; among the chosen, the order rotates like everywhere else.
            self.domains[..shards].sort_by_key(|domain| domain.domain);
            self.domains[..shards].rotate_left((seed % shards as u64) as usize);
        } else if !self.domains.is_empty() {
            let by = (seed % self.domains.len() as u64) as usize;
            self.domains.rotate_left(by);
        }
    }
}

/// Smaller is chosen first: an exponential variate with the domain's free space as its rate.
fn sampling_key(seed: u64, domain: &Domain, free_bytes: u64) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(domain.as_str().as_bytes());
    let hash = u64::from_le_bytes(
        *hasher
            .finalize()
            .as_bytes()
            .first_chunk()
            .expect("a hash has 32 bytes"),
    );
    let uniform = (hash as f64 + 1.0) / (u64::MAX as f64 + 2.0);
    -uniform.ln() / (free_bytes.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn node(domain: usize, free_bytes: u64, is_usable: bool) -> Candidate {
        Candidate {
            domain: format!("d{domain}").parse().expect("a name"),
            free_bytes,
            is_usable,
        }
    }

    fn domains(count: usize) -> Vec<Candidate> {
        (0..count).map(|domain| node(domain, 1000, true)).collect()
    }

    fn assign(seed: u64, shards: usize, candidates: &[Candidate]) -> Vec<Option<usize>> {
        Placer::new(seed, shards, 10, candidates).assign(shards)
    }

    #[test]
    fn every_domain_gets_every_index_in_turn() {
        let candidates = domains(9);
        for index in 0..9 {
            let nodes: BTreeSet<_> = (0..9).map(|seed| assign(seed, 9, &candidates)[index]).collect();
            assert_eq!(nodes.len(), 9, "index {index} went to {nodes:?}");
        }
        assert_eq!(assign(2, 9, &candidates), [2, 3, 4, 5, 6, 7, 8, 0, 1].map(Some));
    }

    #[test]
    fn a_domain_that_is_down_leaves_its_shard_out() {
        let mut candidates = domains(9);
        candidates[4].is_usable = false;
        let nodes = assign(0, 9, &candidates);
        assert_eq!(
            nodes.iter().flatten().collect::<BTreeSet<_>>().len(),
            8,
            "{nodes:?}"
        );
        assert_eq!(nodes.iter().filter(|node| node.is_none()).count(), 1, "{nodes:?}");
    }

    #[test]
    fn with_few_domains_shards_are_spread_evenly() {
        let nodes = assign(1, 9, &domains(4));
        let mut per_domain = [0; 4];
        nodes
            .iter()
            .for_each(|node| per_domain[node.expect("room for all")] += 1);
        per_domain.sort_unstable();
        assert_eq!(per_domain, [2, 2, 2, 3]);
    }

    #[test]
    fn within_a_domain_the_emptier_node_is_used() {
        let candidates = [
            node(0, 50, true),
            node(0, 500, true),
            node(1, 5, true),
            node(1, 40, true),
        ];
        assert_eq!(assign(0, 2, &candidates), [Some(1), Some(3)]);
    }

    #[test]
    fn emptier_domains_are_chosen_more_often() {
        let mut candidates = domains(12);
        candidates[0].free_bytes = 100_000;
        candidates[1].free_bytes = 11;
        let uses = |wanted| {
            (0..200)
                .filter(|seed| assign(*seed, 3, &candidates).contains(&Some(wanted)))
                .count()
        };
        let (roomy, ordinary, tight) = (uses(0), uses(5), uses(1));
        assert!(
            roomy > 190 && (20..100).contains(&ordinary) && tight < 10,
            "{roomy} {ordinary} {tight}"
        );
    }

    #[test]
    fn a_failed_node_is_replaced_by_one_in_a_free_domain() {
        let candidates = domains(11);
        let mut placer = Placer::new(3, 9, 10, &candidates);
        let mut nodes: Vec<_> = placer
            .assign(9)
            .into_iter()
            .map(|node| node.expect("room"))
            .collect();
        for _ in 0..2 {
            let failed = nodes.remove(0);
            let other = placer.replace(failed).expect("a free domain");
            assert!(!nodes.contains(&other) && other != failed);
            nodes.push(other);
        }
        assert_eq!(placer.replace(nodes[0]), None, "no free domain is left");
    }

    proptest! {
        #[test]
        fn promises_hold_for_any_store(
            seed in any::<u64>(),
            shards in 2_usize..16,
            nodes in prop::collection::vec((0_usize..14, 0_u64..2000, any::<bool>()), 0..30),
        ) {
            let candidates: Vec<_> = nodes.iter().map(|(domain, free, usable)| node(*domain, *free, *usable)).collect();
            let assigned = assign(seed, shards, &candidates);
            prop_assert_eq!(assigned.len(), shards);
            let all: BTreeSet<_> = candidates.iter().map(|node| &node.domain).collect();
            let fits = |node: &&Candidate| node.is_usable && node.free_bytes >= 10;
            let usable: BTreeSet<_> = candidates.iter().filter(fits).map(|node| &node.domain).collect();
            let mut load: BTreeMap<&Domain, usize> = usable.iter().map(|domain| (*domain, 0)).collect();
            for at in assigned.iter().flatten() {
                prop_assert!(fits(&&candidates[*at]));
                *load.entry(&candidates[*at].domain).or_default() += 1;
            }
            let even = shards.div_ceil(all.len().max(1));
            prop_assert!(load.values().all(|shards| *shards <= even), "{:?}", load);
            if let (Some(most), Some(least)) = (load.values().max(), load.values().min()) {
                prop_assert!(most - least <= 1, "a domain has {} while another has {}", most, least);
            }
            let placed = assigned.iter().flatten().count();
            prop_assert_eq!(placed, shards.min(usable.len() * even), "places were left unused");
        }
    }
}
