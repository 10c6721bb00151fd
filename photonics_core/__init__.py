"""Photonic device physics on JAX: rings, waveguides, couplers, thermal drift and gradient-based design.

Lengths are in um, times in ps, temperatures in K. The names below are loaded when they are first used, so
`import photonics_core` is as fast as it can be.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photonics_core.beams import GaussianBeam
    from photonics_core.bend_loss import BendLoss, fit_bend_loss, path_loss_db
    from photonics_core.bend_shapes import ShapedBend, ShapedSBend, shape_loss_db
    from photonics_core.carriers import (
        CarrierProfile,
        carrier_absorption_cm,
        carrier_complex_index,
        carrier_index_change,
    )
    from photonics_core.chirp import chirp_parameter, frequency_shift, periodic_slope
    from photonics_core.choices import Chosen, channel_orders, cyclic_orders, enumerate_choices
    from photonics_core.circuit import Circuit
    from photonics_core.closure import Closure, tdecq
    from photonics_core.compact_device import CompactDevice
    from photonics_core.compilation_cache import clear_compilation_cache, set_compilation_cache
    from photonics_core.constraints import Constraints
    from photonics_core.corners import (
        at_corners,
        conditional_value_at_risk,
        epigraph,
        expectation,
        over_corners,
        worst_case,
    )
    from photonics_core.cross_section import CrossSection
    from photonics_core.crosstalk_statistics import log_disturbed_tail
    from photonics_core.design_rules import LayerRule, Violation, rule_violations
    from photonics_core.design_space import Free
    from photonics_core.devices.alignment_search import SearchResult, Stage, search_alignment
    from photonics_core.devices.arbitration import (
        RingDies,
        RingRowSpread,
        failure_probability,
        least_shift,
        needed_range,
        served_range,
        tuning_distance,
    )
    from photonics_core.devices.arbitration_search import (
        LineSearch,
        conditional_failure_probability,
        is_served,
        relation_search,
        sequential_search,
    )
    from photonics_core.devices.array_budget import Budget, CostModel, cheapest_budget, loosest_budget
    from photonics_core.devices.array_errors import (
        ArrayErrors,
        ArraySample,
        LossMoments,
        sample_arrays,
        sample_losses,
        second_order,
    )
    from photonics_core.devices.array_yield import array_yield
    from photonics_core.devices.backscatter import SplitResonance
    from photonics_core.devices.batch import batch_size, stack, unstack
    from photonics_core.devices.bus import RingBus
    from photonics_core.devices.carrier_effects import LinearCarriers, SiliconCarriers
    from photonics_core.devices.coupled_bus import CoupledRingBus
    from photonics_core.devices.coupled_rings import CoupledRings
    from photonics_core.devices.coupler import Coupler, DirectionalCoupler, PointCoupler, approach_length
    from photonics_core.devices.detector import Photodiode, Receiver, even_powers, transimpedance_density_pa
    from photonics_core.devices.edge_coupler import (
        EdgeCoupler,
        EdgeLeakage,
        facet_efficiency,
        facet_transmission,
        optimize_edge_coupler,
        solve_leakage,
        tip_joint,
        window_error_db,
    )
    from photonics_core.devices.edge_tips import EdgeTips, leaky_tip
    from photonics_core.devices.edge_transition import EdgeTransition, expand_tips, inverse_taper, solve_transition
    from photonics_core.devices.engine_choice import pareto_front, size_all
    from photonics_core.devices.engine_link import engine_link
    from photonics_core.devices.engine_optimum import SizedEngine, size_candidate
    from photonics_core.devices.engine_point import EngineDesign, EnginePoint
    from photonics_core.devices.engine_spec import EngineCandidate, EngineSpec
    from photonics_core.devices.engine_technology import EngineTechnology
    from photonics_core.devices.engine_tradeoffs import sensitivities
    from photonics_core.devices.fiber import FibreJoint
    from photonics_core.devices.fiber_alignment import Alignment, core_alignment
    from photonics_core.devices.fiber_array import FibreArray
    from photonics_core.devices.fiber_face import PolishedFace, light_alignment
    from photonics_core.devices.fiber_tolerance import (
        Tolerance,
        alignment_tolerance,
        alignment_width,
        best_alignment,
    )
    from photonics_core.devices.filter_synthesis import flat_top_angles
    from photonics_core.devices.fused_coupler import CompositeCoupling, FusedCoupler
    from photonics_core.devices.grating import BraggGrating, FabryPerot
    from photonics_core.devices.grating_apodisation import ApodisedGrating, apodise
    from photonics_core.devices.grating_coupler import GratingCoupler
    from photonics_core.devices.grating_phase import phase_matched_angle, phase_matched_period
    from photonics_core.devices.grating_response import GratingResponse
    from photonics_core.devices.heater import (
        DOPED_SILICON,
        TITANIUM_NITRIDE,
        TUNGSTEN,
        Heater,
        HeaterMaterial,
        HeaterReport,
        HeaterWarning,
        efficiency_nm_mw,
        power_per_fsr,
    )
    from photonics_core.devices.laser import CombLaser, LaserArray, cw_wdm_spacing_ghz, envelope_of_gain
    from photonics_core.devices.laser_noise import (
        frequency_noise_rin,
        phase_noise_rin,
        slope_per_frequency,
        total_rin_db_hz,
    )
    from photonics_core.devices.lattice_filter import LatticeFilter
    from photonics_core.devices.link import WdmLink
    from photonics_core.devices.link_alternatives import (
        ALTERNATIVES,
        Alternative,
        comparison_table,
        trace_loss_db,
        trace_reach_m,
    )
    from photonics_core.devices.link_budget import ReceivedSignals, received_signals, required_gain_db
    from photonics_core.devices.link_energy import (
        LinkElectronics,
        LinkEnergy,
        LinkLatency,
        areal_density,
        link_energy_per_bit,
        link_latency,
        row_area,
        shoreline_density,
    )
    from photonics_core.devices.link_noise import modulator_rin
    from photonics_core.devices.link_waveform import received_waveform
    from photonics_core.devices.lock import LockTrace, WavelengthLock
    from photonics_core.devices.modulation_levels import level_drives, ring_transmissions
    from photonics_core.devices.modulator import RingModulator
    from photonics_core.devices.multimode_interference import MultimodeInterference
    from photonics_core.devices.nonlinear_resonator import NonlinearResonator
    from photonics_core.devices.phase_shifter import PhaseShifter
    from photonics_core.devices.polarization_receiver import PolarizationDiverseReceiver, PolarizationSplitter
    from photonics_core.devices.relock import (
        Relock,
        heater_sweep_time,
        power_on_order,
        power_on_trace,
        relock_row,
        served_with_spares,
    )
    from photonics_core.devices.resonator import Resonator
    from photonics_core.devices.resonator_states import SteadyStates
    from photonics_core.devices.resonator_trajectory import ResonatorState, ResonatorTrajectory
    from photonics_core.devices.ring import AddDropRing, AllPassRing
    from photonics_core.devices.round_trips import RoundTrips
    from photonics_core.devices.shaped_coupler import ShapedCoupler
    from photonics_core.devices.shifted_resonance import ShiftedResonance
    from photonics_core.devices.spectrum_shape import SpectrumShape, spectrum_shape
    from photonics_core.devices.splitter import Crossing, YBranch
    from photonics_core.devices.switch import MachZehnderSwitch, RingSwitch
    from photonics_core.devices.switch_fabric import (
        PathFigures,
        SwitchFabric,
        band_within,
        path_figures,
        switch_energy_per_bit,
    )
    from photonics_core.devices.switch_routing import changed_elements, crosstalk_counts, route_permutation
    from photonics_core.devices.switch_topology import SwitchTopology, fabric_plan
    from photonics_core.devices.tapered_coupler import TaperedCoupler
    from photonics_core.devices.tilted_beam import TiltedBeam, lateral_overlap
    from photonics_core.devices.transmitter import RingTransmitter, wavelength_grid
    from photonics_core.devices.transmitter_die import DieMetrics, TransmitterDie, draw_dies
    from photonics_core.devices.vcsel import OperatingPoint, Vcsel
    from photonics_core.devices.vcsel_response import (
        d_factor,
        k_factor,
        relaxation_frequency,
        vcsel_bandwidth,
        vcsel_rin,
        vcsel_small_signal,
        vcsel_transient,
    )
    from photonics_core.devices.waveguide import Waveguide
    from photonics_core.devices.waveguide_array import GapCouplings, WaveguideArray
    from photonics_core.devices.wdm import (
        ChannelPowers,
        RingReceiver,
        additive_powers,
        all_symbols,
        channel_powers,
        detector_powers,
    )
    from photonics_core.devices.wdm_dynamics import intermodulated_waveform
    from photonics_core.devices.wdm_penalties import (
        closure_penalty_db,
        crosstalk_span,
        filter_crosstalk,
        gaussian_crosstalk_penalty_db,
        interference_penalty_db,
        lorentzian_drop,
        lorentzian_through,
        modulator_penalty_db,
        ring_pair_penalty_db,
        truncated_power,
        truncation_penalty_db,
    )
    from photonics_core.distributions import LogUniform, Normal, Uniform
    from photonics_core.doped_guide import DopedGuide
    from photonics_core.drawn_plans import LatinPlan, RandomPlan, SobolPlan
    from photonics_core.drift import GuideDrift, drift_pm_k, walk_off_pm
    from photonics_core.effective_index_method import effective_index
    from photonics_core.eigenmode_expansion import ModeExpansion, expand_modes
    from photonics_core.energy import EnergyPerBit, drive_energy, heater_energy, laser_energy
    from photonics_core.error_correction import KP4, KR4, ReedSolomon
    from photonics_core.error_rate import (
        bit_error_ratio,
        crosstalk_penalty_db,
        decision_thresholds,
        log10_error_ratio,
        log10_symbol_error_ratio,
        q_factor,
        required_amplitude,
        required_q,
    )
    from photonics_core.exchange_lumerical import read_lumerical, write_lumerical
    from photonics_core.exchange_models import as_sax_model, from_sax_model
    from photonics_core.exchange_netlist import (
        NetlistWarning,
        netlist_from_dict,
        netlist_to_dict,
        read_netlist,
        write_netlist,
    )
    from photonics_core.exchange_sparameters import SParameterError, SParameterFile, SParameterWarning
    from photonics_core.exchange_touchstone import read_touchstone, to_network, write_touchstone
    from photonics_core.eye import (
        extinction_ratio_db,
        eye_density,
        fold,
        level_means,
        level_mismatch,
        outer_amplitude,
        receiver_variance,
        symbol_error_ratio,
        transmitter_penalty_db,
    )
    from photonics_core.fibre import StepIndexFibre
    from photonics_core.fields import CorePositions, FieldGrid, SampledField
    from photonics_core.films import Ellipsometry, FilmStack
    from photonics_core.fit import fit_ring, fit_series
    from photonics_core.foster import FosterFit, foster_fit, transfer_fit
    from photonics_core.gds import LayerMap, gds_library, write_gds
    from photonics_core.gds_reading import GdsContent, read_gds_layout
    from photonics_core.global_sensitivity import SobolIndices, sobol_indices
    from photonics_core.guide_paths import Arc, EulerBend, GuidePath, PathChain, Pose, Straight
    from photonics_core.guide_s_bends import CosineSBend, CubicBezier, EulerSBend, s_bend
    from photonics_core.heat_polygon import Polygon
    from photonics_core.heat_shapes import Annulus, Circle, Disk, Point, Rectangle
    from photonics_core.index import IndexModel, LinearIndex
    from photonics_core.index_map import IndexMap
    from photonics_core.index_sensitivity import index_sensitivities, resonance_sensitivities, strip_sensitivities
    from photonics_core.junction import PNJunction
    from photonics_core.kernels.films import Polarized
    from photonics_core.layout import Layout
    from photonics_core.layout_cells import CellPort, Drawn, LayoutCell, Placed, Strip
    from photonics_core.layout_crossings import RouteCrossing
    from photonics_core.layout_modulator_row import RowRules, modulator_cell, modulator_row_layout
    from photonics_core.layout_netlist import layout_to_dict, placed_cells, write_layout_netlist
    from photonics_core.layout_ring_cells import edge_cell, ring_cell
    from photonics_core.layout_ring_row import ring_row_layout
    from photonics_core.layout_routes import Route
    from photonics_core.lenses import lens_pair, transformed_beam
    from photonics_core.low_discrepancy import normal_points, uniform_points
    from photonics_core.materials import SILICA, SILICON, SILICON_NITRIDE, Material
    from photonics_core.mode_solver import GuidedModes, fundamental_mode, solve_modes
    from photonics_core.mode_sweep import ModeSweep, dispersion_ps_nm_km, sweep_modes
    from photonics_core.modes import Mode
    from photonics_core.netlist import Instance, Netlist, NetlistError, NetlistHierarchy, Pin
    from photonics_core.optimize import minimize
    from photonics_core.optimum import Optimum
    from photonics_core.passivity import PassivityReport, check_passivity, nearest_passive
    from photonics_core.radiating_modes import bend_mode, leaky_mode
    from photonics_core.rare_events import RareFailure, design_points, margin_of, rare_failure
    from photonics_core.ring_scatter import NeighbourScatter, deviation_interval, neighbour_scatter
    from photonics_core.routed_guide import RoutedGuide
    from photonics_core.run_folder import RunFolder
    from photonics_core.runtime import set_lapack_threads, set_precision, use_device
    from photonics_core.sample_plans import GridPlan, ListPlan
    from photonics_core.scattering import SMatrix
    from photonics_core.section_heat import SectionArea, SectionField, SectionHeat, SectionPiece
    from photonics_core.shape_profiles import ShapeProfile, feature_limits, grating_widths, profile_limits
    from photonics_core.shapes import Shape
    from photonics_core.signals import (
        NRZ,
        PAM4,
        bessel_thomson,
        drive_waveform,
        gray_decode,
        gray_encode,
        prbs,
        prbs13q,
        ssprq,
    )
    from photonics_core.spectral_mask import Band, SpectralMask
    from photonics_core.strip_map import strip_index
    from photonics_core.sweep import Swept
    from photonics_core.sweep_program import Label
    from photonics_core.tabulated import TabulatedDevice
    from photonics_core.tapers import LocalModes, local_modes
    from photonics_core.thermal_chip import Chip
    from photonics_core.thermal_impedance import ThermalImpedance, TransferImpedance
    from photonics_core.thermal_layout import ThermalLayout
    from photonics_core.thermal_response import crossing_time, rise_time, thermal_bandwidth
    from photonics_core.thermal_stack import (
        Adiabatic,
        Convection,
        FixedTemperature,
        Layer,
        ThermalRegion,
        ThermalStack,
    )
    from photonics_core.thermo_optics import PMMA, TITANIA, silicon_expansion, with_thermo_optic
    from photonics_core.tuning import TuningPlan, assign_lines, barrel_shifts, tuning_power
    from photonics_core.variation import ProcessVariation, Variation, silicon_process
    from photonics_core.variation_sampler import DieSampler, die_sampler
    from photonics_core.wafer_files import FolderPlan, MeasuredFile, plan_folder
    from photonics_core.wafer_fit import WaferFit, fit_folder, fit_spectra
    from photonics_core.wafer_grid import DieGrid, die_grid
    from photonics_core.wafer_map import Dimensions, WaferMap, extract_dimensions, fit_wafer_map
    from photonics_core.yield_causes import Bins, FailureCauses, bin_dies, failure_causes
    from photonics_core.yield_estimate import YieldEstimate, estimate_yield, replicated_yield, sample_quantiles
    from photonics_core.yield_smoothing import smooth_yield, yield_objective
    from photonics_core.yield_spec import Limit, Spec, good_wafers

_HOMES = {
    "Alignment": "devices.fiber_alignment",
    "CorePositions": "fields",
    "EdgeCoupler": "devices.edge_coupler",
    "EdgeLeakage": "devices.edge_coupler",
    "EdgeTips": "devices.edge_tips",
    "EdgeTransition": "devices.edge_transition",
    "expand_tips": "devices.edge_transition",
    "facet_efficiency": "devices.edge_coupler",
    "facet_transmission": "devices.edge_coupler",
    "inverse_taper": "devices.edge_transition",
    "leaky_tip": "devices.edge_tips",
    "optimize_edge_coupler": "devices.edge_coupler",
    "solve_leakage": "devices.edge_coupler",
    "solve_transition": "devices.edge_transition",
    "tip_joint": "devices.edge_coupler",
    "window_error_db": "devices.edge_coupler",
    "FibreJoint": "devices.fiber",
    "FieldGrid": "fields",
    "GaussianBeam": "beams",
    "SampledField": "fields",
    "ArrayErrors": "devices.array_errors",
    "ArraySample": "devices.array_errors",
    "Budget": "devices.array_budget",
    "CostModel": "devices.array_budget",
    "FibreArray": "devices.fiber_array",
    "flat_top_angles": "devices.filter_synthesis",
    "Band": "spectral_mask",
    "SpectralMask": "spectral_mask",
    "LossMoments": "devices.array_errors",
    "SearchResult": "devices.alignment_search",
    "Stage": "devices.alignment_search",
    "array_yield": "devices.array_yield",
    "cheapest_budget": "devices.array_budget",
    "loosest_budget": "devices.array_budget",
    "sample_arrays": "devices.array_errors",
    "sample_losses": "devices.array_errors",
    "search_alignment": "devices.alignment_search",
    "second_order": "devices.array_errors",
    "Tolerance": "devices.fiber_tolerance",
    "alignment_tolerance": "devices.fiber_tolerance",
    "alignment_width": "devices.fiber_tolerance",
    "best_alignment": "devices.fiber_tolerance",
    "core_alignment": "devices.fiber_alignment",
    "lens_pair": "lenses",
    "light_alignment": "devices.fiber_face",
    "transformed_beam": "lenses",
    "CouplingMap": "coupling_map",
    "CrossSection": "cross_section",
    "DrawnCoupler": "devices.drawn_coupler",
    "PulleyCoupler": "devices.drawn_coupler",
    "StripGuide": "devices.strip_guide",
    "couple": "supermodes",
    "overlap_coupling": "supermodes",
    "pair_section": "supermodes",
    "GuidedModes": "mode_solver",
    "IndexMap": "index_map",
    "Mode": "modes",
    "Shape": "shapes",
    "StepIndexFibre": "fibre",
    "LocalModes": "tapers",
    "ModeExpansion": "eigenmode_expansion",
    "ModeSweep": "mode_sweep",
    "bend_mode": "radiating_modes",
    "dispersion_ps_nm_km": "mode_sweep",
    "expand_modes": "eigenmode_expansion",
    "leaky_mode": "radiating_modes",
    "local_modes": "tapers",
    "sweep_modes": "mode_sweep",
    "effective_index": "effective_index_method",
    "fundamental_mode": "mode_solver",
    "solve_modes": "mode_solver",
    "strip_index": "strip_map",
    "AddDropRing": "devices.ring",
    "AllPassRing": "devices.ring",
    "ApodisedGrating": "devices.grating_apodisation",
    "BraggGrating": "devices.grating",
    "GratingCoupler": "devices.grating_coupler",
    "GratingResponse": "devices.grating_response",
    "SpectrumShape": "devices.spectrum_shape",
    "MachZehnderSwitch": "devices.switch",
    "PhaseShifter": "devices.phase_shifter",
    "RingSwitch": "devices.switch",
    "PathFigures": "devices.switch_fabric",
    "SwitchFabric": "devices.switch_fabric",
    "band_within": "devices.switch_fabric",
    "path_figures": "devices.switch_fabric",
    "switch_energy_per_bit": "devices.switch_fabric",
    "changed_elements": "devices.switch_routing",
    "crosstalk_counts": "devices.switch_routing",
    "route_permutation": "devices.switch_routing",
    "SwitchTopology": "devices.switch_topology",
    "fabric_plan": "devices.switch_topology",
    "TiltedBeam": "devices.tilted_beam",
    "apodise": "devices.grating_apodisation",
    "lateral_overlap": "devices.tilted_beam",
    "phase_matched_angle": "devices.grating_phase",
    "phase_matched_period": "devices.grating_phase",
    "spectrum_shape": "devices.spectrum_shape",
    "CoupledRings": "devices.coupled_rings",
    "Coupler": "devices.coupler",
    "DirectionalCoupler": "devices.coupler",
    "FabryPerot": "devices.grating",
    "IndexModel": "index",
    "LinearIndex": "index",
    "Material": "materials",
    "PointCoupler": "devices.coupler",
    "PolishedFace": "devices.fiber_face",
    "Resonator": "devices.resonator",
    "RingModulator": "devices.modulator",
    "RoundTrips": "devices.round_trips",
    "ShiftedResonance": "devices.shifted_resonance",
    "LinearCarriers": "devices.carrier_effects",
    "NonlinearResonator": "devices.nonlinear_resonator",
    "ResonatorState": "devices.resonator_trajectory",
    "ResonatorTrajectory": "devices.resonator_trajectory",
    "SiliconCarriers": "devices.carrier_effects",
    "SteadyStates": "devices.resonator_states",
    "ThermalImpedance": "thermal_impedance",
    "TransferImpedance": "thermal_impedance",
    "SectionArea": "section_heat",
    "SectionField": "section_heat",
    "SectionHeat": "section_heat",
    "SectionPiece": "section_heat",
    "Adiabatic": "thermal_stack",
    "Annulus": "heat_shapes",
    "Chip": "thermal_chip",
    "Circle": "heat_shapes",
    "Convection": "thermal_stack",
    "Disk": "heat_shapes",
    "FixedTemperature": "thermal_stack",
    "FosterFit": "foster",
    "Layer": "thermal_stack",
    "Point": "heat_shapes",
    "Polygon": "heat_polygon",
    "Rectangle": "heat_shapes",
    "ThermalLayout": "thermal_layout",
    "ThermalRegion": "thermal_stack",
    "ThermalStack": "thermal_stack",
    "foster_fit": "foster",
    "transfer_fit": "foster",
    "crossing_time": "thermal_response",
    "rise_time": "thermal_response",
    "thermal_bandwidth": "thermal_response",
    "PMMA": "thermo_optics",
    "TITANIA": "thermo_optics",
    "silicon_expansion": "thermo_optics",
    "with_thermo_optic": "thermo_optics",
    "BendLoss": "bend_loss",
    "fit_bend_loss": "bend_loss",
    "ShapedBend": "bend_shapes",
    "ShapeProfile": "shape_profiles",
    "feature_limits": "shape_profiles",
    "grating_widths": "shape_profiles",
    "profile_limits": "shape_profiles",
    "ShapedCoupler": "devices.shaped_coupler",
    "ShapedSBend": "bend_shapes",
    "shape_loss_db": "bend_shapes",
    "path_loss_db": "bend_loss",
    "LayerRule": "design_rules",
    "Violation": "design_rules",
    "rule_violations": "design_rules",
    "LayerMap": "gds",
    "gds_library": "gds",
    "write_gds": "gds",
    "GdsContent": "gds_reading",
    "read_gds_layout": "gds_reading",
    "Arc": "guide_paths",
    "CosineSBend": "guide_s_bends",
    "CubicBezier": "guide_s_bends",
    "EulerBend": "guide_paths",
    "EulerSBend": "guide_s_bends",
    "GuidePath": "guide_paths",
    "PathChain": "guide_paths",
    "Pose": "guide_paths",
    "Straight": "guide_paths",
    "s_bend": "guide_s_bends",
    "Layout": "layout",
    "CellPort": "layout_cells",
    "Drawn": "layout_cells",
    "LayoutCell": "layout_cells",
    "Placed": "layout_cells",
    "Strip": "layout_cells",
    "edge_cell": "layout_ring_cells",
    "ring_cell": "layout_ring_cells",
    "RouteCrossing": "layout_crossings",
    "RowRules": "layout_modulator_row",
    "modulator_cell": "layout_modulator_row",
    "modulator_row_layout": "layout_modulator_row",
    "layout_to_dict": "layout_netlist",
    "placed_cells": "layout_netlist",
    "write_layout_netlist": "layout_netlist",
    "ring_row_layout": "layout_ring_row",
    "Route": "layout_routes",
    "RoutedGuide": "routed_guide",
    "GuideDrift": "drift",
    "drift_pm_k": "drift",
    "walk_off_pm": "drift",
    "TuningPlan": "tuning",
    "assign_lines": "tuning",
    "barrel_shifts": "tuning",
    "tuning_power": "tuning",
    "Heater": "devices.heater",
    "HeaterMaterial": "devices.heater",
    "HeaterReport": "devices.heater",
    "HeaterWarning": "devices.heater",
    "DOPED_SILICON": "devices.heater",
    "TITANIUM_NITRIDE": "devices.heater",
    "TUNGSTEN": "devices.heater",
    "efficiency_nm_mw": "devices.heater",
    "power_per_fsr": "devices.heater",
    "WdmLink": "devices.link",
    "ReceivedSignals": "devices.link_budget",
    "received_signals": "devices.link_budget",
    "required_gain_db": "devices.link_budget",
    "LinkElectronics": "devices.link_energy",
    "LinkEnergy": "devices.link_energy",
    "LinkLatency": "devices.link_energy",
    "areal_density": "devices.link_energy",
    "link_energy_per_bit": "devices.link_energy",
    "link_latency": "devices.link_energy",
    "row_area": "devices.link_energy",
    "shoreline_density": "devices.link_energy",
    "set_compilation_cache": "compilation_cache",
    "clear_compilation_cache": "compilation_cache",
    "EngineCandidate": "devices.engine_spec",
    "EngineSpec": "devices.engine_spec",
    "EngineTechnology": "devices.engine_technology",
    "EngineDesign": "devices.engine_point",
    "EnginePoint": "devices.engine_point",
    "SizedEngine": "devices.engine_optimum",
    "size_candidate": "devices.engine_optimum",
    "size_all": "devices.engine_choice",
    "pareto_front": "devices.engine_choice",
    "sensitivities": "devices.engine_tradeoffs",
    "engine_link": "devices.engine_link",
    "modulator_rin": "devices.link_noise",
    "received_waveform": "devices.link_waveform",
    "ALTERNATIVES": "devices.link_alternatives",
    "Alternative": "devices.link_alternatives",
    "comparison_table": "devices.link_alternatives",
    "trace_loss_db": "devices.link_alternatives",
    "trace_reach_m": "devices.link_alternatives",
    "CombLaser": "devices.laser",
    "LaserArray": "devices.laser",
    "cw_wdm_spacing_ghz": "devices.laser",
    "envelope_of_gain": "devices.laser",
    "frequency_noise_rin": "devices.laser_noise",
    "phase_noise_rin": "devices.laser_noise",
    "slope_per_frequency": "devices.laser_noise",
    "total_rin_db_hz": "devices.laser_noise",
    "OperatingPoint": "devices.vcsel",
    "Vcsel": "devices.vcsel",
    "d_factor": "devices.vcsel_response",
    "k_factor": "devices.vcsel_response",
    "relaxation_frequency": "devices.vcsel_response",
    "vcsel_bandwidth": "devices.vcsel_response",
    "vcsel_rin": "devices.vcsel_response",
    "vcsel_small_signal": "devices.vcsel_response",
    "vcsel_transient": "devices.vcsel_response",
    "LockTrace": "devices.lock",
    "WavelengthLock": "devices.lock",
    "SplitResonance": "devices.backscatter",
    "RingBus": "devices.bus",
    "SILICA": "materials",
    "SILICON": "materials",
    "SILICON_NITRIDE": "materials",
    "SMatrix": "scattering",
    "Waveguide": "devices.waveguide",
    "batch_size": "devices.batch",
    "set_lapack_threads": "runtime",
    "set_precision": "runtime",
    "stack": "devices.batch",
    "unstack": "devices.batch",
    "RingTransmitter": "devices.transmitter",
    "wavelength_grid": "devices.transmitter",
    "CoupledRingBus": "devices.coupled_bus",
    "PolarizationDiverseReceiver": "devices.polarization_receiver",
    "PolarizationSplitter": "devices.polarization_receiver",
    "ChannelPowers": "devices.wdm",
    "RingReceiver": "devices.wdm",
    "additive_powers": "devices.wdm",
    "all_symbols": "devices.wdm",
    "channel_powers": "devices.wdm",
    "detector_powers": "devices.wdm",
    "level_drives": "devices.modulation_levels",
    "ring_transmissions": "devices.modulation_levels",
    "intermodulated_waveform": "devices.wdm_dynamics",
    "closure_penalty_db": "devices.wdm_penalties",
    "crosstalk_span": "devices.wdm_penalties",
    "filter_crosstalk": "devices.wdm_penalties",
    "gaussian_crosstalk_penalty_db": "devices.wdm_penalties",
    "interference_penalty_db": "devices.wdm_penalties",
    "lorentzian_drop": "devices.wdm_penalties",
    "lorentzian_through": "devices.wdm_penalties",
    "modulator_penalty_db": "devices.wdm_penalties",
    "ring_pair_penalty_db": "devices.wdm_penalties",
    "truncated_power": "devices.wdm_penalties",
    "truncation_penalty_db": "devices.wdm_penalties",
    "approach_length": "devices.coupler",
    "fit_ring": "fit",
    "fit_series": "fit",
    "minimize": "optimize",
    "Chosen": "choices",
    "Constraints": "constraints",
    "Free": "design_space",
    "Uniform": "distributions",
    "LogUniform": "distributions",
    "Normal": "distributions",
    "GridPlan": "sample_plans",
    "ListPlan": "sample_plans",
    "SobolPlan": "drawn_plans",
    "LatinPlan": "drawn_plans",
    "RandomPlan": "drawn_plans",
    "Label": "sweep_program",
    "RunFolder": "run_folder",
    "Swept": "sweep",
    "Optimum": "optimum",
    "at_corners": "corners",
    "channel_orders": "choices",
    "conditional_value_at_risk": "corners",
    "cyclic_orders": "choices",
    "enumerate_choices": "choices",
    "epigraph": "corners",
    "expectation": "corners",
    "over_corners": "corners",
    "worst_case": "corners",
    "Circuit": "circuit",
    "Netlist": "netlist",
    "Instance": "netlist",
    "NetlistError": "netlist",
    "NetlistHierarchy": "netlist",
    "Pin": "netlist",
    "Ellipsometry": "films",
    "FilmStack": "films",
    "Polarized": "kernels.films",
    "read_netlist": "exchange_netlist",
    "write_netlist": "exchange_netlist",
    "netlist_from_dict": "exchange_netlist",
    "netlist_to_dict": "exchange_netlist",
    "NetlistWarning": "exchange_netlist",
    "SParameterError": "exchange_sparameters",
    "SParameterFile": "exchange_sparameters",
    "SParameterWarning": "exchange_sparameters",
    "read_touchstone": "exchange_touchstone",
    "to_network": "exchange_touchstone",
    "write_touchstone": "exchange_touchstone",
    "read_lumerical": "exchange_lumerical",
    "write_lumerical": "exchange_lumerical",
    "as_sax_model": "exchange_models",
    "from_sax_model": "exchange_models",
    "PassivityReport": "passivity",
    "check_passivity": "passivity",
    "nearest_passive": "passivity",
    "TabulatedDevice": "tabulated",
    "use_device": "runtime",
    "CarrierProfile": "carriers",
    "carrier_absorption_cm": "carriers",
    "carrier_complex_index": "carriers",
    "carrier_index_change": "carriers",
    "PNJunction": "junction",
    "DopedGuide": "doped_guide",
    "NRZ": "signals",
    "PAM4": "signals",
    "prbs": "signals",
    "prbs13q": "signals",
    "ssprq": "signals",
    "gray_encode": "signals",
    "gray_decode": "signals",
    "drive_waveform": "signals",
    "bessel_thomson": "signals",
    "chirp_parameter": "chirp",
    "frequency_shift": "chirp",
    "periodic_slope": "chirp",
    "EnergyPerBit": "energy",
    "drive_energy": "energy",
    "heater_energy": "energy",
    "laser_energy": "energy",
    "receiver_variance": "eye",
    "fold": "eye",
    "eye_density": "eye",
    "level_means": "eye",
    "outer_amplitude": "eye",
    "extinction_ratio_db": "eye",
    "level_mismatch": "eye",
    "transmitter_penalty_db": "eye",
    "symbol_error_ratio": "eye",
    "bit_error_ratio": "error_rate",
    "crosstalk_penalty_db": "error_rate",
    "decision_thresholds": "error_rate",
    "log10_error_ratio": "error_rate",
    "log10_symbol_error_ratio": "error_rate",
    "q_factor": "error_rate",
    "required_amplitude": "error_rate",
    "required_q": "error_rate",
    "log_disturbed_tail": "crosstalk_statistics",
    "KP4": "error_correction",
    "KR4": "error_correction",
    "ReedSolomon": "error_correction",
    "Photodiode": "devices.detector",
    "Receiver": "devices.detector",
    "even_powers": "devices.detector",
    "transimpedance_density_pa": "devices.detector",
    "Closure": "closure",
    "tdecq": "closure",
    "CompactDevice": "compact_device",
    "ProcessVariation": "variation",
    "Variation": "variation",
    "silicon_process": "variation",
    "DieGrid": "wafer_grid",
    "die_grid": "wafer_grid",
    "DieSampler": "variation_sampler",
    "die_sampler": "variation_sampler",
    "index_sensitivities": "index_sensitivity",
    "resonance_sensitivities": "index_sensitivity",
    "strip_sensitivities": "index_sensitivity",
    "Limit": "yield_spec",
    "Spec": "yield_spec",
    "good_wafers": "yield_spec",
    "YieldEstimate": "yield_estimate",
    "estimate_yield": "yield_estimate",
    "replicated_yield": "yield_estimate",
    "sample_quantiles": "yield_estimate",
    "Bins": "yield_causes",
    "FailureCauses": "yield_causes",
    "bin_dies": "yield_causes",
    "failure_causes": "yield_causes",
    "normal_points": "low_discrepancy",
    "uniform_points": "low_discrepancy",
    "SobolIndices": "global_sensitivity",
    "sobol_indices": "global_sensitivity",
    "RareFailure": "rare_events",
    "design_points": "rare_events",
    "margin_of": "rare_events",
    "rare_failure": "rare_events",
    "smooth_yield": "yield_smoothing",
    "yield_objective": "yield_smoothing",
    "NeighbourScatter": "ring_scatter",
    "deviation_interval": "ring_scatter",
    "neighbour_scatter": "ring_scatter",
    "DieMetrics": "devices.transmitter_die",
    "TransmitterDie": "devices.transmitter_die",
    "draw_dies": "devices.transmitter_die",
    "CompositeCoupling": "devices.fused_coupler",
    "Crossing": "devices.splitter",
    "YBranch": "devices.splitter",
    "FusedCoupler": "devices.fused_coupler",
    "GapCouplings": "devices.waveguide_array",
    "LatticeFilter": "devices.lattice_filter",
    "MultimodeInterference": "devices.multimode_interference",
    "TaperedCoupler": "devices.tapered_coupler",
    "WaveguideArray": "devices.waveguide_array",
    "FolderPlan": "wafer_files",
    "MeasuredFile": "wafer_files",
    "plan_folder": "wafer_files",
    "WaferFit": "wafer_fit",
    "fit_folder": "wafer_fit",
    "fit_spectra": "wafer_fit",
    "Dimensions": "wafer_map",
    "WaferMap": "wafer_map",
    "extract_dimensions": "wafer_map",
    "fit_wafer_map": "wafer_map",
    "RingDies": "devices.arbitration",
    "RingRowSpread": "devices.arbitration",
    "failure_probability": "devices.arbitration",
    "least_shift": "devices.arbitration",
    "needed_range": "devices.arbitration",
    "served_range": "devices.arbitration",
    "tuning_distance": "devices.arbitration",
    "LineSearch": "devices.arbitration_search",
    "conditional_failure_probability": "devices.arbitration_search",
    "is_served": "devices.arbitration_search",
    "relation_search": "devices.arbitration_search",
    "sequential_search": "devices.arbitration_search",
    "Relock": "devices.relock",
    "heater_sweep_time": "devices.relock",
    "power_on_order": "devices.relock",
    "power_on_trace": "devices.relock",
    "relock_row": "devices.relock",
    "served_with_spares": "devices.relock",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _installed_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'photonics_core' has no attribute {name!r}")
    return getattr(importlib.import_module(f"photonics_core.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _installed_version() -> str:
    try:
        return importlib.import_module("photonics_core._version").version
    except ModuleNotFoundError:  # a bare checkout that was never installed
        return "0.0.0"
