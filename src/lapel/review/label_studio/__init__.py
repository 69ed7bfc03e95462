"""Label Studio's words for ours, and ours for its: labelling configurations, results, masks."""
